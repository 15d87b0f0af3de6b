using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class GraceTests
{
    private static readonly TimeSpan Week = TimeSpan.FromDays(7);

    [Fact]
    public void Within_the_grace_an_unpaid_account_spends_what_it_holds_and_is_granted_nothing()
    {
        var account = Unpaid();
        account.Give("5");
        account.Give("50", TransactionType.Purchase);
        account.Access(Company("1"));
        account.To("2026-04-10");
        Assert.Equal("EXPIRATION -100 2026-04-10", account.Listed.Last()); // The company took one of the bonus credits; the month's are forfeited whole.
        account.To("2026-04-16T23:59:59.999Z");
        Assert.Equal("4", account.Spend("50").BalanceAfter.ToString());
        Assert.Equal([RecordStatus.Subscribed, RecordStatus.Active], account.Access(Company("2"), Signals("1")).Select(verdict => verdict.Status));
        Assert.Single(account.Send(Visiting("3")).Verdicts!);
        Assert.Equal("0", account.State.Grants.Monthly.ToString());
        Assert.Equal(RefusalReason.InsufficientCredits, account.Refuse(account.Spending("4")).Reason);
    }

    [Fact]
    public void The_grace_ends_at_its_instant_and_the_refusal_says_since_when_and_what_to_do()
    {
        var account = Unpaid();
        account.Give("50", TransactionType.Purchase);
        account.Access(Company("1"));
        account.To("2026-04-17");
        var refusal = account.Refuse(account.Spending("1"));
        Assert.Equal(RefusalReason.SubscriptionInactive, refusal.Reason);
        Assert.Equal(
            "The subscription is unpaid since 2026-04-10T00:00:00Z, and its grace period ended on 2026-04-17T00:00:00Z; pay the open invoice to spend again. Reads go on, and nothing is deleted.",
            refusal.Message);
        Assert.Equal(RefusalReason.SubscriptionInactive, account.Refuse(account.Accessing(Company("2"))).Reason);
        Assert.Equal(RefusalReason.SubscriptionInactive, account.Refuse(Visiting("3")).Reason);
        Assert.Equal([RecordStatus.Active], account.Access(Company("1")).Select(verdict => verdict.Status));
        Assert.Equal("50", account.State.Available.ToString());
    }

    [Fact]
    public void Without_a_grace_spending_ends_with_what_is_paid()
    {
        var account = Unpaid(TimeSpan.Zero).To("2026-04-10");
        Assert.StartsWith("The subscription is unpaid since 2026-04-10T00:00:00Z; pay the open invoice", account.Refuse(account.Spending("1")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unlimited_plan_goes_on_at_0_and_a_credit_limit_is_an_operators_word()
    {
        var unlimited = new Scenario("2026-03-10", paidThrough: "2026-04-10", unlimited: true) { Grace = Week };
        Assert.Equal("0", unlimited.To("2026-04-12").Spend("5").Charged.ToString());
        Assert.Equal(RefusalReason.SubscriptionInactive, unlimited.To("2026-04-17").Refuse(unlimited.Spending("5")).Reason);

        var limited = Unpaid();
        limited.Accept(limited.Limiting("10"));
        limited.To("2026-04-12").Spend("10");
        Assert.Equal("10", limited.State.Owed.ToString());
    }

    [Fact]
    public void Who_cancels_has_no_grace_and_who_resumes_has_it_again()
    {
        var account = Unpaid();
        account.Give("50", TransactionType.Purchase);
        account.Accept(Cancelling());
        Assert.Contains("cancelled and ended", account.To("2026-04-10").Refuse(account.Spending("1")).Message, StringComparison.Ordinal);
        account.Accept(Cancelling(false));
        account.Spend("1");

        // Within the grace there is something to cancel, again and again: nobody is waited for any more.
        account.To("2026-04-12").Accept(Cancelling());
        Assert.Null(account.Send(Cancelling()).Entry);
        Assert.Null(account.Send(Cancelling()).Refusal);
        Assert.Contains("cancelled and is unpaid since 2026-04-10T00:00:00Z", account.Refuse(account.Spending("1")).Message, StringComparison.Ordinal);
        Assert.Equal(RefusalReason.SubscriptionInactive, account.To("2026-04-17").Refuse(Cancelling()).Reason);
        account.Accept(Cancelling(false));
        Assert.Equal(RefusalReason.SubscriptionInactive, account.Refuse(account.Spending("1")).Reason);
    }

    [Fact]
    public void Who_is_suspended_has_no_grace()
    {
        var account = Unpaid();
        account.To("2026-04-11").Accept(account.Setting(AccountStatus.Suspended));
        Assert.Equal(RefusalReason.AccountSuspended, account.Refuse(account.Spending("1")).Reason);
        Assert.Equal((null, SubscriptionState.Inactive), (account.State.ToBalance(Week).GraceEndsAt, account.State.ToBalance(Week).SubscriptionAt(account.Now)));
    }

    [Theory]
    [InlineData("2026-04-09T23:59:59.999Z", false, SubscriptionState.Active)]
    [InlineData("2026-04-10", false, SubscriptionState.PastDue)]
    [InlineData("2026-04-16T23:59:59.999Z", false, SubscriptionState.PastDue)]
    [InlineData("2026-04-17", false, SubscriptionState.Inactive)]
    [InlineData("2026-04-09T23:59:59.999Z", true, SubscriptionState.Active)]
    [InlineData("2026-04-10", true, SubscriptionState.Inactive)]
    public void The_balance_says_what_a_spending_would_hear(string at, bool isCancelled, SubscriptionState expected)
    {
        var account = Unpaid();
        account.Give("50", TransactionType.Purchase);
        if (isCancelled)
        {
            account.Accept(Cancelling());
        }

        var balance = account.To(at).State.ToBalance(Week);
        Assert.Equal((expected, isCancelled ? null : At("2026-04-17")), (balance.SubscriptionAt(account.Now), balance.GraceEndsAt));
        Assert.Equal(isCancelled ? At("2026-04-10") : At("2026-04-17"), balance.SpendingEndsAt);
        Assert.Equal(expected == SubscriptionState.Inactive, account.Send(account.Spending("1")).Refusal is not null);
    }

    [Fact]
    public void What_is_paid_for_ever_has_no_end_that_the_calendar_lacks()
    {
        var account = new Scenario("2026-03-10", paidThrough: "9999-12-31T23:59:59.999Z") { Grace = Week };
        account.Spend("1");
        Assert.Equal(DateTimeOffset.MaxValue, account.State.ToBalance(Week).GraceEndsAt);
    }

    /// <summary>
    /// Every order of invoice and anchor: before it, at it, within the grace, at its end and after it, twice, late by whole periods. A paid period's
    /// allotment comes once; a period that was not paid while it lasted is never granted.
    /// </summary>
    [Theory]
    [InlineData("2026-01-31T09:30:00Z", 1)]
    [InlineData("2026-03-10", 1)]
    [InlineData("2024-02-29T23:59:59Z", 12)]
    public void A_paid_period_is_granted_once_in_whatever_order_invoice_and_anchor_come(string anchor, int months)
    {
        for (var seed = 0; seed < 400; seed++)
        {
            var random = new Random(seed);
            var grace = TimeSpan.FromDays(random.Next(3) == 0 ? 0 : random.Next(1, 61));
            DateTimeOffset Start(int period) => BillingPeriods.StartOf(At(anchor), months, period);
            var account = new Scenario(anchor, periodMonths: months, paidThrough: Start(1).ToString("O")) { Grace = grace };
            var granted = new SortedSet<int> { 0 };

            // Invoice n pays period n; in the order of their coming, because a later one pays for what came before.
            var invoices = Enumerable.Range(1, 8).Select(period => (Period: period, At: Start(period) + Offset(random, grace, months))).OrderBy(invoice => invoice.At).ToArray();
            foreach (var (period, at) in invoices)
            {
                var now = at > account.Now ? at : account.Now;
                account.To(now.ToString("O"));
                if (account.State.PaidThrough < Start(period + 1))
                {
                    // What this pays: the period under way, where it is paid now and was not, and those to come.
                    granted.UnionWith(Enumerable.Range(0, period + 1).Where(paid => Start(paid) >= account.State.PaidThrough && Start(paid + 1) > now));
                    account.Accept(account.Paying(Start(period + 1).ToString("O"), period));
                }

                Assert.Equal(account.Now >= account.State.PaidThrough + grace, IsRefused(account));
                account.Reload(fromSnapshot: random.Next(2) == 0);
                if (random.Next(2) == 0)
                {
                    Assert.NotNull(account.Send(account.Paying(Start(period + 1).ToString("O"), period)).Refusal); // The same invoice again.
                }
            }

            account.To(Start(10).ToString("O"));
            var resets = account.Rows.Where(row => row.Type == TransactionType.MonthlyReset).Select(row => BillingPeriods.NumberAt(At(anchor), months, row.CreatedAt)).ToArray();
            Assert.True(resets.SequenceEqual(granted), $"seed {seed}: granted {string.Join(' ', resets)}, paid {string.Join(' ', granted)}");
        }

        static bool IsRefused(Scenario account) => account.Send(account.Spending("0.0001")).Refusal is { Reason: RefusalReason.SubscriptionInactive };
    }

    private static TimeSpan Offset(Random random, TimeSpan grace, int months) => random.Next(9) switch
    {
        0 => TimeSpan.FromDays(-random.Next(1, 25)),
        1 => TimeSpan.FromMilliseconds(-1),
        2 => TimeSpan.Zero,
        3 => TimeSpan.FromMilliseconds(1),
        4 => grace / 2,
        5 => grace - TimeSpan.FromMilliseconds(1),
        6 => grace,
        7 => grace + TimeSpan.FromMilliseconds(1),
        _ => TimeSpan.FromDays(random.Next(1, 75 * months)),
    };

    private static Scenario Unpaid(TimeSpan? grace = null) => new("2026-03-10", paidThrough: "2026-04-10", level: AccessLevel.Platform) { Grace = grace ?? Week };

    private static VisitRecords Visiting(string id) => new() { Records = [new(RecordKey.Of("company", id), "company", id)] };
}
