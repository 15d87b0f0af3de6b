using static Metering.Core.Tests.Scenario;

namespace Metering.Core.Tests;

public class PlanTests
{
    [Fact]
    public void An_upgrade_keeps_what_is_unused_grants_the_new_allotment_and_opens_a_window()
    {
        var account = new Scenario("2026-03-10T08:00:00Z");
        account.Give("25");
        account.Spend("43");
        account.To("2026-03-20T12:00:00Z");
        var changed = Assert.IsType<PlanChanged>(account.Accept(account.Changing("growth", "1000")));
        Assert.Equal([(Bucket.Monthly, "82")], changed.Kept.Select(part => (part.Bucket, part.Amount.ToString())));
        Assert.Equal(("1000", "82", "0", "1082"), account.Published);
        var balance = account.State.ToBalance();
        Assert.Equal(("growth", 10, At("2026-03-20T12:00:00Z"), At("2026-04-10T08:00:00Z")), (balance.Plan, balance.ResetDay, balance.LastResetAt, balance.PeriodEnd));
        Assert.Equal("MONTHLY_RESET 1000 2026-03-20", account.Listed.Last());
        account.To("2026-04-10T08:00:00Z");
        Assert.Equal(("1000", "82", "0", "1082"), account.Published);
    }

    [Fact]
    public void A_prorated_change_grants_what_is_left_of_the_period_and_the_next_one_whole()
    {
        var account = new Scenario("2026-04-01");
        account.To("2026-04-11");
        Assert.Equal("666.6666", Assert.IsType<PlanChanged>(account.Accept(account.Changing("growth", "1000", granted: PlanAllotment.Prorated))).PeriodAllotment.ToString());
        Assert.Equal(("666.6666", "100", "0", "766.6666"), account.Published);
        account.To("2026-05-01");
        Assert.Equal(("1000", "100", "0", "1100"), account.Published);
    }

    [Fact]
    public void What_comes_back_of_a_closed_windows_allotment_is_bonus_to_the_periods_end_and_not_kept()
    {
        var account = new Scenario("2026-03-10");
        var spent = account.Spend("100");
        account.Accept(account.Changing("small", "30"));
        account.PayBack(spent);
        Assert.Equal(("100", "30", "0"), (account.State.Grants.Bonus.ToString(), account.State.Grants.Monthly.ToString(), account.State.Grants.Permanent.ToString()));
        Assert.Equal(At("2026-04-10"), account.State.Grants.InSpendOrder[0].ExpiresAt);
        account.Accept(account.Changing("growth", "1000"));
        Assert.Equal(("1000", "30"), (account.State.Grants.Monthly.ToString(), account.State.Grants.Permanent.ToString()));
        account.To("2026-04-10");
        Assert.Equal(("1000", "30"), (account.State.Grants.Monthly.ToString(), account.State.Grants.Permanent.ToString()));
    }

    [Fact]
    public void A_planned_change_begins_with_the_next_period_and_can_be_replaced_and_withdrawn()
    {
        var account = new Scenario("2026-01-31");
        account.Accept(account.Changing("growth", "1000", when: PlanChangeTime.PeriodEnd));
        account.Accept(account.Changing("small", "10", when: PlanChangeTime.PeriodEnd));
        Assert.Equal(("starter", "small"), (account.State.Terms.Plan, account.State.ToBalance().PlannedPlan));
        account.To("2026-02-28");
        Assert.Equal(("small", null, "10"), (account.State.Terms.Plan, account.State.ToBalance().PlannedPlan, account.State.Available.ToString()));
        account.Accept(account.Changing("growth", "1000", when: PlanChangeTime.PeriodEnd));
        Assert.Null(Assert.IsType<PlanChangePlanned>(account.Accept(account.Changing("small", "10", when: PlanChangeTime.PeriodEnd))).Terms);
        Assert.Equal("plan", account.Refuse(account.Changing("small", "10", when: PlanChangeTime.PeriodEnd)).Field);
        Assert.Equal("plan", account.Refuse(account.Changing("small", "10")).Field);
        account.To("2026-03-31");
        Assert.Equal(("small", "10"), (account.State.Terms.Plan, account.State.Available.ToString()));
    }

    [Fact]
    public void A_planned_change_is_withdrawn_to_the_terms_that_the_account_has_and_not_to_those_that_its_plan_has_by_now()
    {
        var account = new Scenario("2026-01-31", allotment: "100");
        account.Accept(account.Changing("growth", "1000", when: PlanChangeTime.PeriodEnd));
        var withdrawn = Assert.IsType<PlanChangePlanned>(account.Accept(account.Changing("starter", "60", when: PlanChangeTime.PeriodEnd)));
        Assert.Equal((null, "100"), (withdrawn.Terms, withdrawn.MonthlyCredits.ToString()));
        account.To("2026-02-28");
        Assert.Equal(("starter", "100"), (account.State.Terms.Plan, account.State.Available.ToString()));

        // With nothing to withdraw it takes its plan's new terms, and may stay with the old ones after all.
        Assert.Equal("60", Assert.IsType<PlanChangePlanned>(account.Accept(account.Changing("starter", "60", when: PlanChangeTime.PeriodEnd))).Terms?.Allotment.ToString());
        Assert.Null(Assert.IsType<PlanChangePlanned>(account.Accept(account.Changing("starter", "100", when: PlanChangeTime.PeriodEnd))).Terms);
        account.Accept(account.Changing("starter", "60", when: PlanChangeTime.PeriodEnd));
        Assert.Equal("70", Assert.IsType<PlanChangePlanned>(account.Accept(account.Changing("starter", "70", when: PlanChangeTime.PeriodEnd))).Terms?.Allotment.ToString());
        account.To("2026-03-31");
        Assert.Equal(("starter", "70"), (account.State.Terms.Plan, account.State.Available.ToString()));
    }

    [Fact]
    public void Periods_of_another_length_keep_the_billing_day()
    {
        var account = new Scenario("2026-01-31");
        account.To("2026-03-05");
        account.Accept(account.Changing("year", "1200", months: 12));
        Assert.Equal((At("2026-02-28"), At("2027-02-28")), (account.State.PeriodStart, account.State.PeriodEnd));
        account.To("2026-11-02");
        account.Accept(account.Changing("starter", "100"));
        Assert.Equal((At("2026-10-31"), At("2026-11-30")), (account.State.PeriodStart, account.State.PeriodEnd));
        Assert.Equal(1, account.Rows.Count(row => row is CreditsGranted { Kind: TransactionType.MonthlyReset, CreatedAt: var at } && at > At("2026-03-06")));
        account.Accept(account.Changing("year", "1200", months: 12, when: PlanChangeTime.PeriodEnd));
        account.To("2026-12-01");
        Assert.Equal((At("2026-11-30"), At("2027-11-30"), "1200"), (account.State.PeriodStart, account.State.PeriodEnd, account.State.Grants.Monthly.ToString()));
        account.Reload(fromSnapshot: true).To("2027-11-30");
        Assert.Equal((At("2027-11-30"), At("2028-11-30")), (account.State.PeriodStart, account.State.PeriodEnd));
    }

    [Fact]
    public void A_change_of_plan_pays_and_its_event_counts_once()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2026-04-10");
        Assert.Equal("paidThrough", account.Refuse(account.Changing("growth", "1000", paidThrough: "2026-04-01")).Field);
        Assert.Equal("paidThrough", account.Refuse(account.Changing("growth", "1000", paidThrough: "2026-05-01", when: PlanChangeTime.PeriodEnd)).Field);
        Assert.Equal("allotment", account.Refuse(account.Changing("growth", "1000", granted: PlanAllotment.Prorated, when: PlanChangeTime.PeriodEnd)).Field);
        account.To("2026-04-12");
        Assert.Equal(RefusalReason.SubscriptionInactive, account.Refuse(account.Spending("1")).Reason);
        account.Accept(account.Changing("growth", "1000", paidThrough: "2026-05-10", reference: 4));
        Assert.Equal("999", account.Spend("1").BalanceAfter.ToString());
        Assert.Equal(RefusalReason.ReferenceUsed, account.Refuse(account.Changing("scale", "5000", reference: 4)).Reason);
    }

    [Fact]
    public void A_cancelled_subscription_ends_with_its_period_and_credits_wait_for_the_renewal()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2026-04-10");
        account.Give("5", TransactionType.Purchase);
        account.Accept(Cancelling());
        Assert.Null(account.Send(Cancelling()).Entry);
        Assert.IsType<AnswerKept>(account.Accept(new SetCancellation { IsCancelled = true, Key = Key(1) }));
        Assert.Equal((At("2026-04-10"), true), (account.State.ToBalance().EndsAt, account.State.ToBalance().CancelAtPeriodEnd));
        account.Spend("1");
        account.To("2026-04-10");
        var refusal = account.Refuse(account.Spending("1"));
        Assert.Equal((RefusalReason.SubscriptionInactive, true), (refusal.Reason, refusal.Message.Contains("cancelled", StringComparison.Ordinal)));
        Assert.Equal(RefusalReason.SubscriptionInactive, account.Refuse(Cancelling()).Reason);
        Assert.Equal("5", account.State.Available.ToString());
        account.To("2026-04-20");
        account.Accept(account.Paying("2026-05-10", 2));
        Assert.Equal(("105", null), (account.State.Available.ToString(), account.State.EndsAt));
        account.Spend("1");
    }

    [Fact]
    public void An_account_that_is_not_billed_is_cancelled_at_its_periods_end_and_resumed_at_any_time()
    {
        var account = new Scenario("2026-03-10");
        account.Accept(Cancelling());
        account.Accept(Cancelling(false));
        account.To("2026-04-10");
        Assert.Equal("100", account.State.Available.ToString());
        account.Accept(Cancelling());
        account.To("2026-06-15");
        Assert.Equal(("0", RefusalReason.SubscriptionInactive), (account.State.Available.ToString(), account.Refuse(account.Spending("1")).Reason));
        account.Accept(Cancelling(false));
        Assert.Equal("99", account.Spend("1").BalanceAfter.ToString());
    }

    [Fact]
    public void The_latest_wish_counts()
    {
        var account = new Scenario("2026-03-10");
        account.Accept(account.Changing("growth", "1000", when: PlanChangeTime.PeriodEnd));
        account.Accept(Cancelling());
        Assert.Equal((null, At("2026-04-10")), (account.State.PlannedTerms, account.State.EndsAt));
        account.Accept(account.Changing("growth", "1000", when: PlanChangeTime.PeriodEnd));
        Assert.Null(account.State.EndsAt);
        account.Accept(Cancelling());
        account.Accept(account.Changing("scale", "5000"));
        Assert.Null(account.State.EndsAt);
    }

    [Fact]
    public void A_payment_beyond_the_end_moves_it_where_it_is_not_over()
    {
        var account = new Scenario("2026-03-10", paidThrough: "2026-04-10");
        account.Accept(Cancelling());
        account.Accept(account.Paying("2026-05-10", 1));
        Assert.Equal(At("2026-05-10"), account.State.EndsAt);
        account.To("2026-04-12");
        Assert.Equal("99", account.Spend("1").BalanceAfter.ToString());
        account.To("2026-05-10");
        Assert.Equal(RefusalReason.SubscriptionInactive, account.Refuse(account.Spending("1")).Reason);
    }
}
