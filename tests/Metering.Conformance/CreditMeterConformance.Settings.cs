using Xunit;

namespace Metering.Conformance;

public abstract partial class CreditMeterConformance
{
    [Fact]
    public async Task A_suspended_account_is_read_and_does_not_spend_until_it_is_active_again()
    {
        await OpenAsync();
        await AccessAsync("a");
        var suspended = (await Meter.SetStatusAsync(Account, new() { Status = AccountStatus.Suspended, Reason = "Unpaid." })).Value;
        Assert.Equal((AccountStatus.Suspended, "Unpaid.", Credits.Of(99)), (suspended.Status, suspended.StatusReason, suspended.Available));
        await Host.RestartAsync();
        var refusal = (await DeductAsync(1)).Refusal;
        Assert.Equal((RefusalReason.AccountSuspended, "The account is suspended: Unpaid."), (refusal?.Reason, refusal?.Message));
        Assert.Equal(RefusalReason.AccountSuspended, (await AccessAsync("a")).Refusal?.Reason);
        Assert.Equal(RefusalReason.AccountSuspended, (await VisitAsync(null, "b")).Refusal?.Reason);
        var batch = (await Meter.DeductBatchAsync(Account, new() { Items = [new() { Amount = Credits.Of(1) }] })).Value;
        Assert.Equal(RefusalReason.AccountSuspended, batch.Items[0].Refusal?.Reason);
        Assert.Equal(Credits.Of(104), (await GrantAsync(GrantSource.Bonus, 5)).Value.Credits);
        Assert.Equal(["company/a"], await NamesAsync(new()));
        Assert.Equal(AccountStatus.Active, (await Meter.SetStatusAsync(Account, new() { Status = AccountStatus.Active })).Value.Status);
        Assert.True((await DeductAsync(1)).IsSuccess);
        Assert.Equal("reason", (await Meter.SetStatusAsync(Account, new() { Status = AccountStatus.Closed })).Refusal?.Field);
        Assert.Equal("status", (await Meter.SetStatusAsync(Account, new() { Status = (AccountStatus)9, Reason = "x" })).Refusal?.Field);
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task A_closed_account_changes_no_more_and_keeps_what_it_has()
    {
        await OpenAsync();
        await GrantAsync(GrantSource.Purchase, 5);
        var request = new AccountStatusRequest { Status = AccountStatus.Closed, Reason = "Asked for.", IdempotencyKey = "close" };
        await Meter.SetStatusAsync(Account, request);
        Assert.True((await Meter.SetStatusAsync(Account, request)).IsReplay);
        Assert.Equal(RefusalReason.IdempotencyKeyReused, (await Meter.SetStatusAsync(Account, request with { Reason = "Another." })).Refusal?.Reason);
        Assert.Equal(RefusalReason.AccountClosed, (await DeductAsync(1)).Refusal?.Reason);
        Assert.Equal(RefusalReason.AccountClosed, (await GrantAsync(GrantSource.Purchase, 5)).Refusal?.Reason);
        Assert.Equal(RefusalReason.AccountClosed, (await Meter.ChangePlanAsync(Account, new() { Plan = "growth" })).Refusal?.Reason);
        Clock.Set(Start.AddMonths(2));
        Assert.Equal(Credits.Of(5), await AvailableAsync());
        await Meter.SetStatusAsync(Account, new() { Status = AccountStatus.Active });
        Assert.Equal(Credits.Of(105), await AvailableAsync());
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task A_dispute_takes_what_is_unspent_and_the_next_credits_settle_the_rest()
    {
        await OpenAsync("empty");
        var bought = (await GrantAsync(GrantSource.Purchase, 100, reference: "pi_1")).Value;
        await GrantAsync(GrantSource.Bonus, 10);
        await DeductAsync(60);
        var request = new TakeBackRequest { Amount = Credits.Of(100), ExternalReference = "dp_1", Reason = "Disputed.", GrantedBy = bought.TransactionId, IdempotencyKey = "k" };
        var taken = (await Meter.TakeBackAsync(Account, request)).Value;
        Assert.Equal((Credits.Of(50), Credits.Of(50), Credits.Of(50), Credits.Zero), (taken.Removed, taken.AddedToDebt, taken.Owed, taken.Credits));
        await Host.RestartAsync();
        var again = await Meter.TakeBackAsync(Account, request);
        Assert.Equal((true, taken), (again.IsReplay, again.Value));
        Assert.Equal(RefusalReason.ReferenceUsed, (await Meter.TakeBackAsync(Account, request with { IdempotencyKey = null })).Refusal?.Reason);
        Assert.Equal("externalReference", (await Meter.TakeBackAsync(Account, request with { IdempotencyKey = null, ExternalReference = "" })).Refusal?.Field);
        Assert.Equal(Credits.Of(50), (await Meter.GetBalanceAsync(Account)).Value.Owed);

        var grant = new GrantRequest { Source = GrantSource.Purchase, Amount = Credits.Of(20), IdempotencyKey = "top-up" };
        var granted = (await Meter.GrantAsync(Account, grant)).Value;
        Assert.Equal((Credits.Of(20), Credits.Zero), (granted.Amount, granted.Credits));
        await Host.RestartAsync();
        Assert.Equal(granted, (await Meter.GrantAsync(Account, grant)).Value);
        Assert.Equal(Credits.Of(30), (await GrantAsync(GrantSource.Purchase, 60)).Value.Credits);
        var balance = (await Meter.GetBalanceAsync(Account)).Value;
        Assert.Equal((Credits.Zero, Credits.Of(30)), (balance.Owed, balance.Available));
        var settled = (await TransactionsAsync())[0];
        Assert.Equal((TransactionType.Adjustment, Credits.Of(-30), new Burned(Credits.Zero, Credits.Zero, Credits.Of(30))), (settled.Type, settled.Amount, settled.Buckets));
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task A_credit_limit_lets_spending_go_on_and_the_month_settles_it()
    {
        await OpenAsync();
        Assert.Equal(Credits.Of(150), (await Meter.SetCreditLimitAsync(Account, new() { Limit = Credits.Of(50) })).Value.Spendable);
        var deduction = (await DeductAsync(120, "key")).Value;
        Assert.Equal((Credits.Of(120), Credits.Zero, new Burned(Credits.Zero, Credits.Of(100), Credits.Of(20))), (deduction.Charged, deduction.Credits, deduction.Burned));
        await Host.RestartAsync();
        Assert.Equal(deduction, (await DeductAsync(120, "key")).Value);
        var refusal = (await DeductAsync(31)).Refusal;
        Assert.Equal((RefusalReason.InsufficientCredits, Credits.Of(30)), (refusal?.Reason, refusal?.Available));
        var batch = (await Meter.DeductBatchAsync(Account, new() { Items = [new() { Amount = Credits.Of(25) }, new() { Amount = Credits.Of(6) }, new() { Amount = Credits.Of(5) }] })).Value;
        Assert.Equal(Credits.Of(30), batch.Charged);
        Assert.Equal([true, false, true], batch.Items.Select(item => item.IsSuccess));
        Assert.Equal((100m, 50m, 150m, 0m), Published((await Meter.GetBalanceAsync(Account)).Value));
        await RowsSumToTheBalanceAsync();
        Clock.Set(Start.AddMonths(1));
        var balance = (await Meter.GetBalanceAsync(Account)).Value;
        Assert.Equal((Credits.Of(50), Credits.Zero, Credits.Of(100)), (balance.Available, balance.Owed, balance.Spendable));
        Assert.Equal("limit", (await Meter.SetCreditLimitAsync(Account, new() { Limit = Credits.Of(-1) })).Refusal?.Field);
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task An_upgrade_takes_effect_at_once_and_is_answered_again()
    {
        await OpenAsync(paidThrough: Start.AddMonths(1));
        await GrantAsync(GrantSource.Bonus, 25);
        await DeductAsync(43);
        Clock.Set(Start.AddDays(10));
        var request = new ChangePlanRequest { Plan = "growth", ExternalReference = "in_7", IdempotencyKey = "up" };
        var change = (await Meter.ChangePlanAsync(Account, request)).Value;
        Assert.Equal(new PlanChange("starter", "growth", Start.AddDays(10), Credits.Of(1_000), Credits.Of(1_000), Credits.Of(82)), change);
        await Host.RestartAsync();
        var again = await Meter.ChangePlanAsync(Account, request);
        Assert.Equal((true, change), (again.IsReplay, again.Value));
        Assert.Equal(RefusalReason.ReferenceUsed, (await Meter.ChangePlanAsync(Account, request with { Plan = "scale", IdempotencyKey = null })).Refusal?.Reason);
        var balance = (await Meter.GetBalanceAsync(Account)).Value;
        Assert.Equal((1_000m, 82m, 0m, 1_082m), Published(balance));
        Assert.Equal(("growth", 1, Start.AddDays(10), Start.AddMonths(1)), (balance.Plan, balance.ResetDay, balance.LastResetAt, balance.PeriodEnd));
        Assert.Equal("plan", (await Meter.ChangePlanAsync(Account, new() { Plan = "nothing" })).Refusal?.Field);
        Assert.Equal("plan", (await Meter.ChangePlanAsync(Account, new() { Plan = "growth" })).Refusal?.Field);
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task A_downgrade_waits_for_the_periods_end_and_can_be_withdrawn()
    {
        await OpenAsync("growth");
        var planned = (await Meter.ChangePlanAsync(Account, new() { Plan = "starter", When = PlanChangeTime.PeriodEnd })).Value;
        Assert.Equal(new PlanChange("growth", "starter", Start.AddMonths(1), Credits.Of(100), Credits.Zero, Credits.Zero), planned);
        Assert.Equal(("growth", "starter"), ((await Meter.GetBalanceAsync(Account)).Value.Plan, (await Meter.GetBalanceAsync(Account)).Value.PlannedPlan));
        Assert.Equal("growth", (await Meter.ChangePlanAsync(Account, new() { Plan = "growth", When = PlanChangeTime.PeriodEnd })).Value.Plan);
        Assert.Null((await Meter.GetBalanceAsync(Account)).Value.PlannedPlan);
        await Meter.ChangePlanAsync(Account, new() { Plan = "yearly", When = PlanChangeTime.PeriodEnd });
        await Host.RestartAsync();
        Clock.Set(Start.AddMonths(1));
        var balance = (await Meter.GetBalanceAsync(Account)).Value;
        Assert.Equal(("yearly", Start.AddMonths(13), Credits.Of(1_200)), (balance.Plan, balance.PeriodEnd, balance.Available));
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task A_cancelled_subscription_ends_with_what_is_paid_and_is_resumed_or_renewed()
    {
        await OpenAsync(paidThrough: Start.AddMonths(1));
        var cancelled = (await Meter.CancelAsync(Account, new())).Value;
        Assert.Equal((true, Start.AddMonths(1)), (cancelled.CancelAtPeriodEnd, cancelled.EndsAt));
        var again = (await Meter.CancelAsync(Account, new())).Value;
        Assert.Equal(cancelled with { Sequence = again.Sequence }, again);
        Assert.False((await Meter.ResumeAsync(Account, new())).Value.CancelAtPeriodEnd);
        Assert.True((await Meter.CancelAsync(Account, new() { IdempotencyKey = "c" })).Value.CancelAtPeriodEnd);
        Assert.True((await Meter.CancelAsync(Account, new() { IdempotencyKey = "c" })).IsReplay);
        Assert.Equal(RefusalReason.IdempotencyKeyReused, (await Meter.ResumeAsync(Account, new() { IdempotencyKey = "c" })).Refusal?.Reason);
        Assert.True((await DeductAsync(1)).IsSuccess);
        await GrantAsync(GrantSource.Purchase, 5);
        await Host.RestartAsync();
        Clock.Set(Start.AddMonths(1));
        Assert.Equal(RefusalReason.SubscriptionInactive, (await DeductAsync(1)).Refusal?.Reason);
        Assert.Equal(RefusalReason.SubscriptionInactive, (await Meter.CancelAsync(Account, new())).Refusal?.Reason);
        Assert.Equal(Credits.Of(5), await AvailableAsync());
        Assert.Null((await Meter.GetBalanceAsync(Account)).Value.GraceEndsAt); // Who has cancelled has no grace.
        var renewed = (await Meter.RecordPaymentAsync(Account, new() { PaidThrough = Start.AddMonths(2), ExternalReference = "in_2" })).Value;
        Assert.Equal((false, Credits.Of(105)), (renewed.CancelAtPeriodEnd, renewed.Available));
        Assert.True((await DeductAsync(1)).IsSuccess);
        await RowsSumToTheBalanceAsync();
    }
}
