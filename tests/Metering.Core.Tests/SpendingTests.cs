using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class SpendingTests
{
    [Fact]
    public void A_hundred_monthly_and_25_bonus_less_43_leave_82()
    {
        var account = new Scenario("2026-03-10");
        account.Give("25");
        account.Spend("43");
        Assert.Equal(("100", "25", "43", "82"), account.Published);
    }

    [Fact]
    public void Bonus_is_spent_before_monthly_before_permanent()
    {
        var account = new Scenario("2026-03-10");
        account.Give("50", TransactionType.Purchase);
        account.Give("25");
        var spent = account.Spend("130");
        Assert.Equal(
            [(Bucket.Bonus, "25"), (Bucket.Monthly, "100"), (Bucket.Permanent, "5")],
            spent.Burns.Select(burn => (burn.Bucket, burn.Amount.ToString())));
        Assert.Equal("45", spent.BalanceAfter.ToString());
        Assert.Equal(("100", "75", "130", "45"), account.Published);
    }

    [Fact]
    public void Bonus_that_ends_soonest_is_spent_first_then_the_oldest()
    {
        var account = new Scenario("2026-03-10", allotment: "0");
        var forever = account.Give("1");
        var late = account.Give("1", expiresAt: "2027-01-01");
        var laterOfLate = account.Give("1", expiresAt: "2027-01-01");
        var soon = account.Give("1", TransactionType.Coupon, "2026-04-01");
        Assert.Equal(
            [soon.Sequence, late.Sequence, laterOfLate.Sequence, forever.Sequence],
            account.Spend("4").Burns.Select(burn => burn.Grant));
    }

    [Fact]
    public void Permanent_credits_are_spent_oldest_first()
    {
        var account = new Scenario("2026-03-10", allotment: "0");
        var first = account.Give("1", TransactionType.Purchase);
        var second = account.Give("1", TransactionType.TopUp, "2026-04-01");
        Assert.Equal([first.Sequence, second.Sequence], account.Spend("2").Burns.Select(burn => burn.Grant));
    }

    [Fact]
    public void A_bonus_ends_at_its_instant_with_an_EXPIRATION_row_of_that_time()
    {
        var account = new Scenario("2026-03-10");
        account.Give("25", expiresAt: "2026-03-12T08:00:00.500Z");
        Assert.Equal("125", account.To("2026-03-12T08:00:00.499Z").State.Available.ToString());
        Assert.Equal("100", account.To("2026-03-12T08:00:00.500Z").State.Available.ToString());
        var row = account.Rows.Last();
        Assert.Equal((TransactionType.Expiration, "-25", At("2026-03-12T08:00:00.500Z")), (row.Type, row.Amount.ToString(), row.CreatedAt));
    }

    [Fact]
    public void More_than_there_is_is_refused_with_what_is_needed_and_what_is_there()
    {
        var account = new Scenario("2026-03-10");
        var refusal = account.Refuse(account.Spending("100.0001"));
        Assert.Equal((RefusalReason.InsufficientCredits, "100.0001", "100"), (refusal.Reason, refusal.Required.ToString(), refusal.Available.ToString()));
        Assert.Equal("0", account.Spend("100").BalanceAfter.ToString());
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("1000000000000.0001")]
    public void An_amount_out_of_range_is_refused(string amount)
    {
        var account = new Scenario("2026-03-10");
        Assert.Equal("amount", account.Refuse(account.Spending(amount)).Field);
    }

    [Fact]
    public void Nothing_found_is_recorded_at_zero()
    {
        var account = new Scenario("2026-03-10");
        var spent = Assert.IsType<CreditsSpent>(account.Accept(new Deduct { Price = Credits.Zero, Product = "lead.search", Quantity = 0 }));
        Assert.Equal(("0", "100"), (spent.Charged.ToString(), spent.BalanceAfter.ToString()));
        Assert.Empty(spent.Burns);
        Assert.Equal(TransactionType.Deduction, account.Rows.Last().Type);
    }

    [Fact]
    public void An_unlimited_plan_records_at_zero_and_keeps_what_it_holds()
    {
        var account = new Scenario("2026-03-10", allotment: "0", unlimited: true);
        account.Give("5", TransactionType.Purchase);
        var spent = account.Spend("1000");
        Assert.Equal(("0", "5"), (spent.Charged.ToString(), spent.BalanceAfter.ToString()));
        Assert.Equal([RecordStatus.Subscribed], account.Access(Company("1")).Select(verdict => verdict.Status));
        Assert.Equal("5", account.State.Available.ToString());
        Assert.Equal(RefusalReason.RefundExceedsCharge, account.Refuse(account.PayingBack(spent)).Reason);
    }

    [Theory]
    [InlineData(AccessLevel.Trial, AccessLevel.WebVisitors)]
    [InlineData(AccessLevel.ApiOnly, AccessLevel.Platform)]
    public void A_product_above_the_accounts_level_is_refused_by_name(AccessLevel actual, AccessLevel needed)
    {
        var account = new Scenario("2026-03-10", level: actual);
        var refusal = account.Refuse(new Deduct { Price = Credits.Of(1), Level = needed });
        Assert.Equal((RefusalReason.AccessLevelTooLow, needed), (refusal.Reason, refusal.RequiredLevel));
        Assert.Contains(needed.ToName(), refusal.Message, StringComparison.Ordinal);
        Assert.Equal(RefusalReason.AccessLevelTooLow, account.Refuse(account.Accessing(Company("1") with { Level = needed })).Reason);
        account.Accept(new Deduct { Price = Credits.Of(1), Level = actual });
    }

    [Fact]
    public void A_field_is_checked_before_the_level_and_the_level_before_the_payment_and_the_payment_before_the_balance()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2026-03-10", level: AccessLevel.Trial);
        Deduct Of(string? product, AccessLevel level) => new() { Price = Credits.Of(1_000), Product = product, Level = level };
        Assert.Equal(RefusalReason.InvalidRequest, account.Refuse(Of("A B", AccessLevel.Platform)).Reason);
        Assert.Equal(RefusalReason.AccessLevelTooLow, account.Refuse(Of("a", AccessLevel.Platform)).Reason);
        Assert.Equal(RefusalReason.SubscriptionInactive, account.Refuse(Of("a", AccessLevel.Trial)).Reason);
        account.Accept(account.Paying("2026-04-10", 1));
        Assert.Equal(RefusalReason.InsufficientCredits, account.Refuse(Of("a", AccessLevel.Trial)).Reason);
    }

    [Fact]
    public void Texts_of_a_command_are_checked_again_in_the_account()
    {
        var account = new Scenario("2026-03-10");
        Assert.Equal("description", account.Refuse(new Deduct { Price = Credits.Of(1), Description = "a\0" }).Field);
        Assert.Equal("reference", account.Refuse(new Deduct { Price = Credits.Of(1), Reference = new string('r', 201) }).Field);
        Assert.Equal("quantity", account.Refuse(new Deduct { Price = Credits.Of(1), Quantity = -1 }).Field);
    }

    [Fact]
    public void An_account_that_was_never_opened_is_unknown()
    {
        var refusal = Account.Decide(Account.New(Id), new Deduct { Price = Credits.Of(1) }, At("2026-03-10")).Refusal;
        Assert.Equal(RefusalReason.AccountUnknown, refusal!.Reason);
        Assert.Null(Account.DecideDue(Account.New(Id), At("2026-03-10")));
    }

    [Fact]
    public void Filling_and_emptying_an_account_for_ever_is_refused_before_its_sums_overflow()
    {
        var account = new Scenario("2026-03-10", allotment: "0");
        for (var round = 0; round < 100; round++)
        {
            account.Give("1000000000000");
            account.Spend("1000000000000");
        }

        account.Give("1000000000000");
        Assert.Equal(RefusalReason.BalanceTooLarge, account.Refuse(account.Spending("1")).Reason);
        Assert.Equal(RefusalReason.BalanceTooLarge, account.Refuse(account.Accessing(Company("1"))).Reason);
        account.To("2026-04-10").Spend("1");
    }
}
