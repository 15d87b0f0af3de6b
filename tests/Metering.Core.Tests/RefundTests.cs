using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class RefundTests
{
    [Fact]
    public void A_refund_goes_back_to_where_the_credits_came_from()
    {
        var account = new Scenario("2026-03-10");
        account.Give("20", TransactionType.Purchase);
        account.Give("10");
        var spent = account.Spend("115");
        account.PayBack(spent);
        Assert.Equal(("10", "100", "20"), Buckets(account));
        Assert.Equal(("100", "30", "0", "130"), account.Published);
        Assert.Equal($"Refund of {spent.Id}", account.Rows.Last().Description);
    }

    [Fact]
    public void Partial_refunds_retrace_the_burns_from_the_last()
    {
        var account = new Scenario("2026-03-10");
        account.Give("20", TransactionType.Purchase);
        account.Give("10");
        var spent = account.Spend("115");
        account.PayBack(spent, "3");
        Assert.Equal(("0", "0", "18"), Buckets(account));
        account.PayBack(spent, "4");
        Assert.Equal(("0", "2", "20"), Buckets(account));
        account.PayBack(spent, "100");
        Assert.Equal(("2", "100", "20"), Buckets(account));
        account.PayBack(spent);
        Assert.Equal(("10", "100", "20"), Buckets(account));
        Assert.Equal(("100", "30", "0", "130"), account.Published);
    }

    [Fact]
    public void No_more_comes_back_than_was_charged()
    {
        var account = new Scenario("2026-03-10");
        var spent = account.Spend("10");
        Assert.Equal(RefusalReason.RefundExceedsCharge, account.Refuse(account.PayingBack(spent, "10.0001")).Reason);
        account.PayBack(spent, "6");
        Assert.Equal(RefusalReason.RefundExceedsCharge, account.Refuse(account.PayingBack(spent, "4.0001")).Reason);
        account.PayBack(spent, "4");
        Assert.Equal(RefusalReason.RefundExceedsCharge, account.Refuse(account.PayingBack(spent, "0.0001")).Reason);
        Assert.Equal(RefusalReason.RefundExceedsCharge, account.Refuse(account.PayingBack(spent)).Reason);
    }

    [Fact]
    public void What_came_from_a_month_that_has_ended_comes_back_as_bonus_to_the_periods_end()
    {
        var account = new Scenario("2026-03-10");
        account.Give("5");
        var spent = account.Spend("40");
        account.To("2026-04-12").Spend("7");
        var refund = account.PayBack(spent);
        Assert.Equal(("40", "93", "0"), Buckets(account));
        Assert.Equal(At("2026-05-10"), refund.Restored.Single(part => part.Grant == refund.Sequence).ExpiresAt);
        Assert.Equal("35", refund.Restored.Single(part => part.Grant == refund.Sequence).Amount.ToString());
        Assert.Equal(("100", "40", "7", "133"), account.Published);
        account.To("2026-05-10");
        Assert.Equal(("5", "100", "0"), Buckets(account));
    }

    [Fact]
    public void What_came_from_a_month_that_an_upgrade_closed_comes_back_as_bonus_to_the_new_periods_end()
    {
        var account = new Scenario("2026-03-10");
        account.Give("20", TransactionType.Purchase);
        var spent = account.Spend("105");
        account.To("2026-03-20");
        account.Accept(account.Changing("growth", "1000"));
        var refund = account.PayBack(spent);
        Assert.Equal(("100", "1000", "20"), Buckets(account));
        Assert.Equal(new Burn(refund.Sequence, Bucket.Bonus, Credits.Of(100), At("2026-04-10")), refund.Restored[^1]);
        Assert.Equal((Credits.Zero, Credits.Zero), (refund.UnusedMonthly, refund.UnusedCarried));
        account.To("2026-04-10");
        Assert.Equal(("0", "1000", "20"), Buckets(account));
    }

    [Fact]
    public void A_refund_of_an_earlier_window_does_not_touch_what_is_used_in_this_one()
    {
        var account = new Scenario("2026-03-10");
        account.Give("5");
        var spent = account.Spend("5");
        account.To("2026-04-12").Spend("7");
        var refund = account.PayBack(spent);
        Assert.Equal((Credits.Zero, Credits.Zero), (refund.UnusedMonthly, refund.UnusedCarried));
        Assert.Equal(("100", "5", "7", "98"), account.Published);
    }

    [Fact]
    public void A_bonus_that_ended_within_the_window_comes_back_as_bonus_and_is_no_longer_used()
    {
        var account = new Scenario("2026-03-10");
        account.Give("5", expiresAt: "2026-03-12");
        var spent = account.Spend("5");
        account.To("2026-03-15").PayBack(spent);
        Assert.Equal(("100", "5", "0", "105"), account.Published);
    }

    [Fact]
    public void Only_a_deduction_of_this_account_can_be_refunded()
    {
        var account = new Scenario("2026-03-10");
        Assert.Equal(RefusalReason.TransactionNotRefundable, account.Refuse(account.PayingBack(account.Give("5"))).Reason);
        Assert.Equal(RefusalReason.TransactionUnknown, account.Refuse(account.PayingBack(null)).Reason);
    }

    [Fact]
    public void A_malformed_refund_is_refused_as_such_before_its_transaction_is_looked_at()
    {
        var account = new Scenario("2026-03-10");
        Assert.Equal("amount", account.Refuse(account.PayingBack(null, "0")).Field);
        Assert.Equal("amount", account.Refuse(account.PayingBack(account.Give("5"), "-1")).Field);
        Assert.Equal("description", account.Refuse(new Refund { Original = null, Description = "\n" }).Field);
    }

    [Fact]
    public void Refunds_are_remembered_over_snapshots_and_rebuilding()
    {
        foreach (var fromSnapshot in new[] { true, false })
        {
            var account = new Scenario("2026-03-10");
            var spent = account.Spend("10");
            account.PayBack(spent, "6");
            Assert.Equal(RefusalReason.RefundExceedsCharge, account.Reload(fromSnapshot).Refuse(account.PayingBack(spent, "5")).Reason);
        }
    }

    private static (string Bonus, string Monthly, string Permanent) Buckets(Scenario account) =>
        (account.State.Grants.Bonus.ToString(), account.State.Grants.Monthly.ToString(), account.State.Grants.Permanent.ToString());
}
