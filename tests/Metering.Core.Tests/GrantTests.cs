using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class GrantTests
{
    [Theory]
    [InlineData(TransactionType.Bonus, Bucket.Bonus)]
    [InlineData(TransactionType.Coupon, Bucket.Bonus)]
    [InlineData(TransactionType.Purchase, Bucket.Permanent)]
    [InlineData(TransactionType.TopUp, Bucket.Permanent)]
    public void A_grant_goes_to_the_bucket_of_its_source(TransactionType kind, Bucket bucket) =>
        Assert.Equal(bucket, new Scenario("2026-03-10").Give("1", kind).Bucket);

    [Fact]
    public void A_grant_ends_in_the_future()
    {
        var account = new Scenario("2026-03-10");
        Assert.Equal("expiresAt", account.Refuse(account.Giving("1", expiresAt: "2026-03-10")).Field);
        account.Give("1", expiresAt: "2026-03-10T00:00:00.001Z");
    }

    [Fact]
    public void An_external_reference_takes_effect_once_for_ever()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2026-04-10");
        account.Give("5", TransactionType.Purchase, reference: 7);
        account.Accept(account.Paying("2026-05-10", 8));
        foreach (var day in new[] { "2026-03-11", "2029-03-11" })
        {
            account.To(day);
            Assert.Equal(RefusalReason.ReferenceUsed, account.Refuse(account.Giving("5", TransactionType.Purchase, reference: 7)).Reason);
            Assert.Equal(RefusalReason.ReferenceUsed, account.Refuse(account.Giving("5", reference: 8)).Reason);
            Assert.Equal(RefusalReason.ReferenceUsed, account.Refuse(account.Paying("2031-05-10", 8)).Reason);
            account.Reload(fromSnapshot: true);
        }
    }

    [Fact]
    public void What_has_taken_effect_is_known_as_such_also_when_its_end_is_past()
    {
        var account = new Scenario("2026-03-10");
        account.Give("5", expiresAt: "2026-03-11", reference: 7);
        account.To("2026-03-12");
        Assert.Equal(RefusalReason.ReferenceUsed, account.Refuse(account.Giving("5", expiresAt: "2026-03-11", reference: 7)).Reason);
        Assert.Equal("expiresAt", account.Refuse(account.Giving("5", expiresAt: "2026-03-11", reference: 8)).Field);
    }

    [Fact]
    public void Grants_without_a_reference_may_repeat()
    {
        var account = new Scenario("2026-03-10");
        account.Give("5");
        account.Give("5");
        Assert.Equal("110", account.State.Available.ToString());
    }

    [Fact]
    public void An_adjustment_upwards_is_bonus_and_downwards_follows_the_order_of_spending_without_being_used()
    {
        var account = new Scenario("2026-03-10");
        account.Accept(account.Adjusting("30"));
        Assert.Equal("30", account.State.Grants.Bonus.ToString());
        account.Accept(account.Adjusting("-50"));
        Assert.Equal(("0", "80"), (account.State.Grants.Bonus.ToString(), account.State.Grants.Monthly.ToString()));
        Assert.Equal(("80", "0", "0", "80"), account.Published);
        Assert.Equal(["MONTHLY_RESET 100 2026-03-10", "ADJUSTMENT 30 2026-03-10", "ADJUSTMENT -50 2026-03-10"], account.Listed);
    }

    [Fact]
    public void An_adjustment_below_zero_is_refused()
    {
        var account = new Scenario("2026-03-10");
        var refusal = account.Refuse(account.Adjusting("-100.0001"));
        Assert.Equal((RefusalReason.InsufficientCredits, "100.0001", "100"), (refusal.Reason, refusal.Required.ToString(), refusal.Available.ToString()));
        account.Accept(account.Adjusting("-100"));
    }

    [Fact]
    public void An_adjustment_needs_an_amount_and_a_reason()
    {
        var account = new Scenario("2026-03-10");
        Assert.Equal("amount", account.Refuse(account.Adjusting("0")).Field);
        Assert.Equal("amount", account.Refuse(new Adjust { Amount = new(long.MinValue), Reason = "x" }).Field);
        Assert.Equal("reason", account.Refuse(account.Adjusting("1", " ")).Field);
        Assert.Equal("reason", account.Refuse(account.Adjusting("1", new string('r', 501))).Field);
    }

    [Fact]
    public void A_balance_stays_within_what_the_ledger_holds()
    {
        var account = new Scenario("2026-03-10", allotment: "0");
        for (var round = 0; round < 100; round++)
        {
            account.Give("1000000000000", TransactionType.Purchase);
        }

        Assert.Equal(CommandRules.MaxBalance, account.State.Available);
        Assert.Equal(RefusalReason.BalanceTooLarge, account.Refuse(account.Giving("0.0001")).Reason);
        Assert.Equal(RefusalReason.BalanceTooLarge, account.Refuse(account.Adjusting("0.0001")).Reason);
        var spent = account.Spend("5");
        account.Give("5");
        Assert.Equal(RefusalReason.BalanceTooLarge, account.Refuse(account.PayingBack(spent)).Reason);
    }
}
