using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class StatusTests
{
    [Fact]
    public void A_suspended_account_neither_spends_nor_hands_out_records_and_says_why()
    {
        var account = new Scenario("2026-03-10");
        account.Access(Company("1"));
        account.Accept(account.Setting(AccountStatus.Suspended, "Unpaid since January."));
        var refusal = account.Refuse(account.Spending("1"));
        Assert.Equal((RefusalReason.AccountSuspended, "The account is suspended: Unpaid since January."), (refusal.Reason, refusal.Message));
        Assert.Equal(RefusalReason.AccountSuspended, account.Refuse(account.Accessing(Company("1"))).Reason);
        Assert.Equal(RefusalReason.AccountSuspended, account.Refuse(new VisitRecords { Records = [new(RecordKey.Of("company", "2"), "company", "2")] }).Reason);
        Assert.Equal((AccountStatus.Suspended, "Unpaid since January."), (account.State.ToBalance().Status, account.State.ToBalance().StatusReason));

        // Billing goes on.
        account.Give("5");
        account.PayBack(account.Rows.ElementAt(1));
        account.To("2026-04-10");
        Assert.Equal("105", account.State.Available.ToString());
        account.Accept(account.Setting(AccountStatus.Active, string.Empty));
        Assert.Equal("104", account.Spend("1").BalanceAfter.ToString());
    }

    [Fact]
    public void A_closed_account_only_reads_and_takes_back_and_comes_back_whole()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2027-01-10");
        account.Give("7", TransactionType.Purchase);
        var spent = account.Spend("10");
        account.Accept(account.Setting(AccountStatus.Closed, "Asked for."));
        Command[] refused =
        [
            account.Spending("1"), account.Giving("1"), account.Adjusting("1"), account.Adjusting("-1"), account.PayingBack(spent), account.Paying("2027-02-10", 5),
            account.Limiting("5"), account.Changing("growth", "1000"), account.Changing("growth", "1000", when: PlanChangeTime.PeriodEnd), Cancelling(), account.Accessing(Company("1")),
        ];
        Assert.All(refused, command => Assert.Equal(RefusalReason.AccountClosed, account.Refuse(command).Reason));
        account.Accept(account.TakingBack("2", 9));
        account.To("2026-05-12");
        Assert.Equal(("7", "0"), (account.State.Available.ToString(), account.State.Grants.Monthly.ToString()));
        account.Accept(account.Setting(AccountStatus.Active, string.Empty));
        Assert.Equal(("107", "100"), (account.State.Available.ToString(), account.State.Grants.Monthly.ToString()));
    }

    [Theory]
    [InlineData(AccountStatus.Suspended, "", "reason")]
    [InlineData(AccountStatus.Closed, " ", "reason")]
    [InlineData(AccountStatus.Closed, "a\u0001", "reason")]
    [InlineData(AccountStatus.Active, "", null)]
    public void Suspending_and_closing_need_a_reason(AccountStatus status, string reason, string? field)
    {
        var account = new Scenario("2026-03-10");
        Assert.Equal(field, account.Send(account.Setting(status, reason)).Refusal?.Field);
    }
}
