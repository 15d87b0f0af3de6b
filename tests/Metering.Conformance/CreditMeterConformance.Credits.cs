using Xunit;

namespace Metering.Conformance;

public abstract partial class CreditMeterConformance
{
    [Fact]
    public async Task A_refund_goes_back_where_it_came_from_and_never_exceeds_the_charge()
    {
        await OpenAsync();
        await GrantAsync(GrantSource.Bonus, 25);
        var deduction = (await DeductAsync(43)).Value;
        var half = (await Meter.RefundAsync(Account, new() { TransactionId = deduction.TransactionId, Amount = Credits.Of(20) })).Value;
        Assert.Equal((TransactionType.Refund, Credits.Of(20), Credits.Of(102)), (half.Type, half.Amount, half.Credits));
        var balance = (await Meter.GetBalanceAsync(Account)).Value;
        Assert.Equal((Credits.Of(2), Credits.Of(100)), (balance.Bonus, balance.Monthly));
        Assert.Equal(RefusalReason.RefundExceedsCharge, (await Meter.RefundAsync(Account, new() { TransactionId = deduction.TransactionId, Amount = Credits.Of(24) })).Refusal?.Reason);
        Assert.Equal(Credits.Of(23), (await Meter.RefundAsync(Account, new() { TransactionId = deduction.TransactionId })).Value.Amount);
        Assert.Equal(RefusalReason.RefundExceedsCharge, (await Meter.RefundAsync(Account, new() { TransactionId = deduction.TransactionId, IdempotencyKey = "another" })).Refusal?.Reason);
        Assert.Equal((100m, 25m, 0m, 125m), Published((await Meter.GetBalanceAsync(Account)).Value));
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task A_refund_of_a_past_month_comes_back_as_bonus_until_the_periods_end()
    {
        await OpenAsync();
        var deduction = (await DeductAsync(40)).Value;
        Clock.Set(Start.AddMonths(1).AddDays(3));
        await Meter.RefundAsync(Account, new() { TransactionId = deduction.TransactionId });
        Assert.Equal((100m, 40m, 0m, 140m), Published((await Meter.GetBalanceAsync(Account)).Value));
        Clock.Set(Start.AddMonths(2));
        Assert.Equal((100m, 0m, 0m, 100m), Published((await Meter.GetBalanceAsync(Account)).Value));
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task Only_deductions_of_the_account_can_be_refunded()
    {
        await OpenAsync();
        var reset = (await TransactionsAsync())[0].Id;
        Assert.Equal(RefusalReason.TransactionNotRefundable, (await Meter.RefundAsync(Account, new() { TransactionId = reset })).Refusal?.Reason);
        Assert.Equal(RefusalReason.TransactionUnknown, (await Meter.RefundAsync(Account, new() { TransactionId = new(99, 1) })).Refusal?.Reason);
        Assert.Equal(RefusalReason.TransactionUnknown, (await Meter.RefundAsync(Account, new() { TransactionId = reset with { Tag = reset.Tag + 1 } })).Refusal?.Reason);
    }

    [Fact]
    public async Task Bonus_is_spent_soonest_expiry_first_then_the_month_then_permanent()
    {
        await OpenAsync();
        await GrantAsync(GrantSource.Purchase, 10);
        await GrantAsync(GrantSource.Bonus, 10);
        await GrantAsync(GrantSource.Coupon, 10, Start.AddDays(20));
        await GrantAsync(GrantSource.Bonus, 10, Start.AddDays(10));
        await DeductAsync(15);
        Clock.Set(Start.AddDays(10));
        Assert.Equal(Credits.Of(15), (await Meter.GetBalanceAsync(Account)).Value.Bonus);
        Clock.Set(Start.AddDays(20));
        Assert.Equal(Credits.Of(10), (await Meter.GetBalanceAsync(Account)).Value.Bonus);
        Assert.Equal(new Burned(Credits.Of(10), Credits.Of(100), Credits.Of(5)), (await DeductAsync(115)).Value.Burned);
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task Resets_that_found_the_process_down_are_entered_late_one_a_month_at_their_due_time()
    {
        await OpenAsync();
        await DeductAsync(30);
        Clock.Set(Start.AddMonths(3).AddDays(2));
        await Host.RestartAsync();
        Assert.Equal(Credits.Of(100), await AvailableAsync());
        var rows = (await TransactionsAsync()).Reverse().Skip(2).ToArray();
        Assert.Equal(
            [
                (TransactionType.Expiration, Credits.Of(-70), Start.AddMonths(1)), (TransactionType.MonthlyReset, Credits.Of(100), Start.AddMonths(1)),
                (TransactionType.Expiration, Credits.Of(-100), Start.AddMonths(2)), (TransactionType.MonthlyReset, Credits.Of(100), Start.AddMonths(2)),
                (TransactionType.Expiration, Credits.Of(-100), Start.AddMonths(3)), (TransactionType.MonthlyReset, Credits.Of(100), Start.AddMonths(3)),
            ],
            rows.Select(row => (row.Type, row.Amount, row.CreatedAt)));
        Assert.All(rows, row => Assert.Equal(Start.AddMonths(3).AddDays(2), row.AppliedAt));
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task Only_paid_periods_grant_spending_waits_for_a_renewal_and_the_grant_follows_the_payment()
    {
        await OpenAsync(paidThrough: Start.AddMonths(1));
        await AccessAsync("a");
        await GrantAsync(GrantSource.Purchase, 5);
        Clock.Set(Start.AddMonths(1));
        Assert.Equal(Credits.Of(5), await AvailableAsync());
        Clock.Set(Start.AddMonths(1).AddDays(GraceDays));
        Assert.Equal(RefusalReason.SubscriptionInactive, (await DeductAsync(1)).Refusal?.Reason);
        Assert.Equal(RefusalReason.SubscriptionInactive, (await AccessAsync("b")).Refusal?.Reason);
        Assert.Equal(RecordStatus.Active, (await AccessAsync("a")).Value.Records[0].Status);

        Clock.Advance(TimeSpan.FromDays(2));
        var payment = new PaymentRequest { PaidThrough = Start.AddMonths(2), ExternalReference = "in_1" };
        Assert.Equal(Credits.Of(105), (await Meter.RecordPaymentAsync(Account, payment)).Value.Available);
        Assert.Equal(RefusalReason.ReferenceUsed, (await Meter.RecordPaymentAsync(Account, payment)).Refusal?.Reason);
        Assert.True((await DeductAsync(1)).IsSuccess);
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task An_unpaid_account_spends_what_it_holds_until_its_grace_is_over_and_nothing_is_lost()
    {
        var (unpaid, over) = (Start.AddMonths(1), Start.AddMonths(1).AddDays(GraceDays));
        await OpenAsync(paidThrough: unpaid);
        await GrantAsync(GrantSource.Purchase, 5);
        await GrantAsync(GrantSource.Bonus, 2);
        Assert.Equal((over, SubscriptionState.Active), await StandingAsync());
        Clock.Set(unpaid);
        Assert.Equal((over, SubscriptionState.PastDue), await StandingAsync());
        Assert.Equal(Credits.Of(6), (await DeductAsync(1)).Value.Credits);
        Clock.Set(over.AddMilliseconds(-1));
        await Host.RestartAsync();
        Assert.Equal(RecordStatus.Subscribed, (await AccessAsync("a")).Value.Records[0].Status);
        Assert.True((await Meter.RecordVisitsAsync(Account, new() { Records = [new("company", "v")] })).IsSuccess);
        Assert.True((await Meter.DeductBatchAsync(Account, new() { Items = [new() { Amount = Credits.Of(1) }] })).Value.Items[0].IsSuccess);

        Clock.Set(over);
        Assert.Equal((over, SubscriptionState.Inactive), await StandingAsync());
        var refusal = (await DeductAsync(1)).Refusal!;
        Assert.Equal(RefusalReason.SubscriptionInactive, refusal.Reason);
        Assert.Contains("unpaid since 2026-06-01T00:00:00Z", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(RefusalReason.SubscriptionInactive, (await Meter.DeductBatchAsync(Account, new() { Items = [new() { Amount = Credits.Of(1) }] })).Value.Items[0].Refusal?.Reason);
        Assert.Equal(RefusalReason.SubscriptionInactive, (await Meter.RecordVisitsAsync(Account, new() { Records = [new("company", "w")] })).Refusal?.Reason);
        Assert.Equal(RecordStatus.Active, (await AccessAsync("a")).Value.Records[0].Status);
        Assert.Equal(Credits.Of(4), await AvailableAsync());
        await RowsSumToTheBalanceAsync();

        async Task<(DateTimeOffset?, SubscriptionState)> StandingAsync() =>
            (await Meter.GetBalanceAsync(Account)).Value is var balance ? (balance.GraceEndsAt, balance.SubscriptionAt(Clock.GetUtcNow())) : default;
    }

    [Theory]
    [InlineData(-3)]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(GraceDays)]
    [InlineData(GraceDays + 3)]
    public async Task An_invoice_before_the_anchor_within_the_grace_or_after_it_grants_its_period_once(int days)
    {
        await OpenAsync(paidThrough: Start.AddMonths(1));
        Clock.Set(Start.AddMonths(1).AddDays(days));
        var payment = new PaymentRequest { PaidThrough = Start.AddMonths(2), ExternalReference = "in_1" };
        Assert.True((await Meter.RecordPaymentAsync(Account, payment)).IsSuccess);
        await Host.RestartAsync();
        Assert.Equal(RefusalReason.ReferenceUsed, (await Meter.RecordPaymentAsync(Account, payment)).Refusal?.Reason);
        Clock.Set(Start.AddMonths(1).AddDays(Math.Max(days, 0)));
        Assert.Equal(Credits.Of(99), (await DeductAsync(1)).Value.Credits);
        Clock.Set(Start.AddMonths(2).AddMilliseconds(-1));
        Assert.Equal(2, (await TransactionsAsync()).Count(row => row.Type == TransactionType.MonthlyReset));
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task Adjustments_need_a_reason_and_never_go_below_zero()
    {
        await OpenAsync();
        Assert.Equal("reason", (await Meter.AdjustAsync(Account, new() { Amount = Credits.Of(1), Reason = " " })).Refusal?.Field);
        Assert.Equal(Credits.Of(110), (await Meter.AdjustAsync(Account, new() { Amount = Credits.Of(10), Reason = "Goodwill" })).Value.Credits);
        Assert.Equal(Credits.Of(-20), (await Meter.AdjustAsync(Account, new() { Amount = Credits.Of(-20), Reason = "Correction" })).Value.Amount);
        Assert.Equal(RefusalReason.InsufficientCredits, (await Meter.AdjustAsync(Account, new() { Amount = Credits.Of(-91), Reason = "Correction" })).Refusal?.Reason);
        Assert.Equal(Credits.Zero, (await Meter.GetBalanceAsync(Account)).Value.UsedMonthly);
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task Transactions_are_paged_newest_first_by_offset_and_by_a_cursor_that_does_not_drift()
    {
        await OpenAsync();
        for (var index = 1; index <= 27; index++)
        {
            await DeductAsync(1, description: $"call {index}");
        }

        var first = (await Meter.ListTransactionsAsync(Account, new() { Limit = 10 })).Value;
        Assert.Equal((28, "call 27", 10), (first.Total, first.Items[0].Description, first.Items.Count));
        await DeductAsync(1, description: "newer");
        var next = (await Meter.ListTransactionsAsync(Account, new() { Limit = 10, Before = first.NextBefore })).Value;
        Assert.Equal("call 17", next.Items[0].Description);
        Assert.Equal("call 18", (await Meter.ListTransactionsAsync(Account, new() { Limit = 10, Offset = 10 })).Value.Items[0].Description);
        var last = (await Meter.ListTransactionsAsync(Account, new() { Limit = 10, Offset = 28 })).Value;
        Assert.Equal((1, null, "Monthly credit reset"), (last.Items.Count, last.NextBefore, last.Items[0].Description));
        Assert.Empty((await Meter.ListTransactionsAsync(Account, new() { Offset = 29 })).Value.Items);
        Assert.Equal("limit", (await Meter.ListTransactionsAsync(Account, new() { Limit = 0 })).Refusal?.Field);
        Assert.Equal("offset", (await Meter.ListTransactionsAsync(Account, new() { Offset = -1 })).Refusal?.Field);
    }

    [Fact]
    public async Task A_transaction_id_tells_charged_from_not_charged()
    {
        await OpenAsync();
        var id = (await DeductAsync(3)).Value.TransactionId;
        Assert.True(TransactionId.TryParse(id.ToString(), out var parsed));
        var status = (await Meter.GetTransactionAsync(Account, parsed)).Value;
        Assert.Equal((TransactionState.Charged, Credits.Of(-3)), (status.State, status.Transaction!.Amount));
        Assert.Equal(TransactionState.NotCharged, (await Meter.GetTransactionAsync(Account, id with { Tag = id.Tag + 1 })).Value.State);
        Assert.Equal(TransactionState.NotCharged, (await Meter.GetTransactionAsync(Account, id with { Number = 77 })).Value.State);
    }

    [Fact]
    public async Task Refreshing_changes_nothing_however_many_ask_at_once_beside_spenders()
    {
        await OpenAsync();
        var calls = Enumerable.Range(0, 60).Select(index => Task.Run(async () =>
            index % 3 == 0 ? (await DeductAsync(1)).IsSuccess : (await Meter.RefreshAsync(Account)).IsSuccess));
        Assert.All(await Task.WhenAll(calls), Assert.True);
        Assert.Equal(Credits.Of(80), (await Meter.RefreshAsync(Account)).Value.Available);
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task A_yearly_period_lasts_twelve_months()
    {
        Assert.Equal(Start.AddYears(1), (await OpenAsync("yearly")).PeriodEnd);
        await DeductAsync(200);
        Clock.Set(Start.AddMonths(11));
        Assert.Equal(Credits.Of(1_000), await AvailableAsync());
        Clock.Set(Start.AddYears(1));
        Assert.Equal(Credits.Of(1_200), await AvailableAsync());
    }

    [Fact]
    public async Task A_clock_that_goes_back_moves_no_account_back()
    {
        await OpenAsync();
        Clock.Set(Start.AddMonths(1));
        await DeductAsync(1);
        Clock.Set(Start.AddDays(1));
        var row = (await Meter.GetTransactionAsync(Account, (await DeductAsync(1)).Value.TransactionId)).Value.Transaction!;
        Assert.Equal(Start.AddMonths(1), row.CreatedAt);
        Assert.Equal(Credits.Of(98), await AvailableAsync());
    }
}
