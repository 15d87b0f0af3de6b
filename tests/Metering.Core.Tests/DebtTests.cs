using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class DebtTests
{
    [Fact]
    public void What_is_unspent_goes_and_what_is_spent_is_owed_and_settled_by_the_next_credits()
    {
        var account = new Scenario("2026-03-10", allotment: "0");
        account.Give("100", TransactionType.Purchase);
        account.Spend("70");
        var taken = Assert.IsType<CreditsTakenBack>(account.Accept(account.TakingBack("100", 1)));
        Assert.Equal(("30", "70", "70", "0"), (taken.Removed.ToString(), taken.AddedToDebt.ToString(), taken.OwedAfter.ToString(), taken.BalanceAfter.ToString()));
        account.Give("50");
        Assert.Equal(("20", "0"), (account.State.Owed.ToString(), account.State.Available.ToString()));
        account.Give("50", TransactionType.Purchase);
        Assert.Equal(("0", "30"), (account.State.Owed.ToString(), account.State.Available.ToString()));
        Assert.Equal(
            ["PURCHASE 100", "DEDUCTION -70", "ADJUSTMENT -30", "BONUS 50", "ADJUSTMENT -50", "PURCHASE 50", "ADJUSTMENT -20"],
            account.Rows.Select(row => $"{row.Type.ToName()} {row.Amount}"));
        Assert.Equal(("0", "100", "70", "30"), account.Published);
        Assert.Equal(RefusalReason.ReferenceUsed, account.Refuse(account.TakingBack("1", 1)).Reason);
    }

    [Fact]
    public void The_named_grant_goes_first()
    {
        var account = new Scenario("2026-03-10");
        var bought = account.Give("50", TransactionType.Purchase);
        account.Give("50", TransactionType.Purchase);
        account.Give("10");
        var taken = Assert.IsType<CreditsTakenBack>(account.Accept(account.TakingBack("65", 1, bought)));
        Assert.Equal([(Bucket.Permanent, "50"), (Bucket.Bonus, "10"), (Bucket.Monthly, "5")], taken.Burns.Select(burn => (burn.Bucket, burn.Amount.ToString())));
        Assert.Equal(("95", "50", "0", "145"), account.Published);
        Assert.Equal(Bucket.Monthly, Assert.IsType<CreditsTakenBack>(account.Accept(account.TakingBack("1", 2, bought))).Burns[0].Bucket);
    }

    [Fact]
    public void An_archived_grant_is_taken_from_permanent_credits_first_and_the_oldest_of_them()
    {
        var account = new Scenario("2026-03-10");
        account.Give("50", TransactionType.Purchase);
        account.Give("30", TransactionType.TopUp);
        account.Give("10");
        var taken = Assert.IsType<CreditsTakenBack>(account.Accept(account.TakingBack("60", 1, isGrantArchived: true)));
        Assert.Equal([(Bucket.Permanent, "50"), (Bucket.Permanent, "10")], taken.Burns.Select(burn => (burn.Bucket, burn.Amount.ToString())));
        var rest = Assert.IsType<CreditsTakenBack>(account.Accept(account.TakingBack("135", 2, isGrantArchived: true)));
        Assert.Equal([(Bucket.Permanent, "20"), (Bucket.Bonus, "10"), (Bucket.Monthly, "100")], rest.Burns.Select(burn => (burn.Bucket, burn.Amount.ToString())));
        Assert.Equal(("5", "0"), (account.State.Owed.ToString(), account.State.Available.ToString()));
        Assert.Empty(Assert.IsType<CreditsTakenBack>(account.Accept(account.TakingBack("1", 3, isGrantArchived: true))).Burns);
        account.Reload(fromSnapshot: false);
        Assert.Equal("6", account.State.Owed.ToString());
    }

    [Fact]
    public void The_months_allotment_settles_first_and_so_does_a_refund()
    {
        var account = new Scenario("2026-03-10");
        var spent = account.Spend("100");
        account.Accept(account.TakingBack("130", 1));
        account.PayBack(spent, "10");
        Assert.Equal(("120", "0"), (account.State.Owed.ToString(), account.State.Available.ToString()));
        account.To("2026-04-10");
        Assert.Equal(("20", "0"), (account.State.Owed.ToString(), account.State.Available.ToString()));
        account.To("2026-05-11");
        Assert.Equal(("0", "80"), (account.State.Owed.ToString(), account.State.Available.ToString()));
        Assert.Equal(("80", "0", "0", "80"), account.Published);
        Assert.Equal(["MONTHLY_RESET 100 2026-05-10", "ADJUSTMENT -20 2026-05-10"], account.Listed.TakeLast(2));
    }

    [Fact]
    public void Spending_goes_beyond_the_balance_to_the_credit_limit_and_not_further()
    {
        var account = new Scenario("2026-03-10");
        account.Accept(account.Limiting("50"));
        account.Spend("90");
        var refusal = account.Refuse(account.Spending("60.0001"));
        Assert.Equal((RefusalReason.InsufficientCredits, "60.0001", "60"), (refusal.Reason, refusal.Required.ToString(), refusal.Available.ToString()));
        var spent = account.Spend("15");
        Assert.Equal([(Bucket.Monthly, "10"), (Bucket.Permanent, "5")], spent.Burns.Select(burn => (burn.Bucket, burn.Amount.ToString())));
        Assert.Equal(["MONTHLY_RESET 100", "DEDUCTION -90", "ADJUSTMENT 5", "DEDUCTION -15"], account.Rows.Select(row => $"{row.Type.ToName()} {row.Amount}"));
        Assert.Equal(("100", "5", "105", "0"), account.Published);
        Assert.Equal(("5", "45"), (account.State.Owed.ToString(), account.State.Spendable.ToString()));
        Assert.Equal(45, account.Access([.. Enumerable.Range(0, 45).Select(id => Company($"{id}"))]).Length);
        Assert.Equal("45", account.Rows.Last().Amount == -Credits.Of(45) ? "45" : account.Rows.Last().Amount.ToString());
        Assert.Equal(RefusalReason.InsufficientCredits, account.Refuse(account.Accessing(Company("new"))).Reason);
        Assert.Equal(RecordStatus.Refused, account.Send(new AccessRecords { Records = [Company("new")], Mode = AccessMode.UpTo }).Verdicts![0].Status);

        // A refund of what was spent on credit pays the debt.
        account.PayBack(spent);
        Assert.Equal(("35", "15"), (account.State.Owed.ToString(), account.State.Spendable.ToString()));
    }

    [Fact]
    public void A_limit_below_what_is_owed_only_forbids_to_owe_more()
    {
        var account = new Scenario("2026-03-10", allotment: "0");
        account.Accept(account.Limiting("20"));
        account.Spend("15");
        account.Accept(account.Limiting("10"));
        Assert.Equal(("15", "0"), (account.State.Owed.ToString(), account.State.Spendable.ToString()));
        Assert.Equal(RefusalReason.InsufficientCredits, account.Refuse(account.Spending("0.0001")).Reason);
        Assert.Equal("limit", account.Refuse(account.Limiting("-1")).Field);
        account.Reload(fromSnapshot: true);
        Assert.Equal(("15", "10"), (account.State.Owed.ToString(), account.State.CreditLimit.ToString()));
    }

    [Theory]
    [InlineData("0", "Why.", "amount")]
    [InlineData("-1", "Why.", "amount")]
    [InlineData("1", " ", "reason")]
    public void Taking_back_needs_an_amount_and_a_reason(string amount, string reason, string field)
    {
        var account = new Scenario("2026-03-10");
        Assert.Equal(field, account.Refuse(new TakeBack { Amount = Amount(amount), Reason = reason, Reference = "r", ExternalReference = 1 }).Field);
    }
}
