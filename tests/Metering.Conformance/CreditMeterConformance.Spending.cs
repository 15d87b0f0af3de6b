using Xunit;

namespace Metering.Conformance;

public abstract partial class CreditMeterConformance
{
    [Fact]
    public async Task Opening_grants_the_first_allotment_and_happens_once()
    {
        Assert.Equal(Credits.Of(100), (await OpenAsync()).Available);
        Assert.Equal(RefusalReason.AccountExists, (await Meter.OpenAccountAsync(Account, new() { Plan = "growth" })).Refusal?.Reason);
        var row = Assert.Single(await TransactionsAsync());
        Assert.Equal((TransactionType.MonthlyReset, Credits.Of(100), "Monthly credit reset"), (row.Type, row.Amount, row.Description));
    }

    [Fact]
    public async Task An_account_that_was_never_opened_is_unknown_to_every_call()
    {
        Assert.Equal(RefusalReason.AccountUnknown, (await Meter.GetBalanceAsync(Account)).Refusal?.Reason);
        Assert.Equal(RefusalReason.AccountUnknown, (await Meter.RefreshAsync(Account)).Refusal?.Reason);
        Assert.Equal(RefusalReason.AccountUnknown, (await DeductAsync(1)).Refusal?.Reason);
        Assert.Equal(RefusalReason.AccountUnknown, (await AccessAsync("a")).Refusal?.Reason);
        Assert.Equal(RefusalReason.AccountUnknown, (await GrantAsync(GrantSource.Bonus, 1)).Refusal?.Reason);
        Assert.Equal(RefusalReason.AccountUnknown, (await Meter.ListTransactionsAsync(Account, new())).Refusal?.Reason);
        Assert.Equal(RefusalReason.AccountUnknown, (await Meter.DeductBatchAsync(Account, new() { Items = [new() { Amount = Credits.Of(1) }] })).Refusal?.Reason);
    }

    [Fact]
    public async Task A_plan_that_is_not_in_the_catalogue_is_refused()
    {
        var refusal = (await Meter.OpenAccountAsync(Account, new() { Plan = "gold" })).Refusal;
        Assert.Equal((RefusalReason.InvalidRequest, "plan"), (refusal?.Reason, refusal?.Field));
        Assert.Contains("starter", refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_documents_figures_come_out_100_and_25_less_43_is_82_and_after_the_reset_bonus_and_used_are_0()
    {
        await OpenAsync();
        await GrantAsync(GrantSource.Bonus, 25);
        var deduction = (await DeductAsync(43)).Value;
        Assert.Equal((Credits.Of(43), Credits.Of(82), new Burned(Credits.Of(25), Credits.Of(18), Credits.Zero)), (deduction.Charged, deduction.Credits, deduction.Burned));
        Assert.Equal((100m, 25m, 43m, 82m), Published((await Meter.GetBalanceAsync(Account)).Value));

        Clock.Set(Start.AddMonths(1));
        var balance = (await Meter.GetBalanceAsync(Account)).Value;
        Assert.Equal((100m, 0m, 0m, 100m), Published(balance));
        Assert.Equal((1, Start.AddMonths(1)), (balance.ResetDay, balance.LastResetAt));
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task Fractions_of_credits_are_exact()
    {
        await OpenAsync("empty");
        await GrantAsync(GrantSource.Purchase, 15_432.75m);
        Assert.Equal(Credits.Of(15_432.5m), (await Meter.DeductAsync(Account, new() { Product = "email.validation" })).Value.Credits);
        Assert.Equal(Credits.Of(15_432.4999m), (await DeductAsync(0.0001m)).Value.Credits);
    }

    [Fact]
    public async Task Not_enough_is_refused_with_both_figures_and_changes_nothing()
    {
        await OpenAsync();
        var refusal = (await DeductAsync(100.0001m)).Refusal;
        Assert.Equal((RefusalReason.InsufficientCredits, Credits.Of(100.0001m), Credits.Of(100)), (refusal!.Reason, refusal.Required, refusal.Available));
        Assert.Equal(Credits.Of(100), await AvailableAsync());
        Assert.Single(await TransactionsAsync());
    }

    [Theory]
    [InlineData(97, 12)]
    [InlineData(100, 12)]
    [InlineData(101, 13)]
    [InlineData(1, 3)]
    [InlineData(0, 0)]
    public async Task A_search_costs_two_and_one_a_started_block_of_ten_and_nothing_without_results(long results, long cost)
    {
        await OpenAsync();
        var deduction = (await Meter.DeductAsync(Account, new() { Product = "lead.search", Quantity = results })).Value;
        Assert.Equal((Credits.Of(cost), Credits.Of(100 - cost)), (deduction.Charged, deduction.Credits));
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task Malformed_requests_are_refused_with_the_field_and_change_nothing()
    {
        await OpenAsync();
        (DeductRequest Request, string Field)[] cases =
        [
            (new(), "amount"),
            (new() { Amount = Credits.Zero }, "amount"),
            (new() { Amount = Credits.Of(-1) }, "amount"),
            (new() { Amount = Credits.MaxAmount + Credits.Of(1) }, "amount"),
            (new() { Product = "no.such.product" }, "product"),
            (new() { Amount = Credits.Of(1), Product = "Not A Product" }, "product"),
            (new() { Product = "lead.search", Quantity = -1 }, "quantity"),
            (new() { Amount = Credits.Of(1), Description = new('x', 501) }, "description"),
            (new() { Amount = Credits.Of(1), Description = "a\0b" }, "description"),
            (new() { Amount = Credits.Of(1), Description = "\ud800" }, "description"),
            (new() { Amount = Credits.Of(1), Reference = new('x', 201) }, "reference"),
            (new() { Amount = Credits.Of(1), IdempotencyKey = "" }, "idempotencyKey"),
            (new() { Amount = Credits.Of(1), IdempotencyKey = "with blank" }, "idempotencyKey"),
            (new() { Amount = Credits.Of(1), IdempotencyKey = new('k', 256) }, "idempotencyKey"),
        ];
        foreach (var (request, field) in cases)
        {
            var refusal = (await Meter.DeductAsync(Account, request)).Refusal;
            Assert.Equal((RefusalReason.InvalidRequest, field), (refusal?.Reason, refusal?.Field));
        }

        Assert.Single(await TransactionsAsync());
    }

    [Fact]
    public async Task A_thousand_callers_at_once_never_overdraw_and_each_credit_is_spent_once()
    {
        await OpenAsync();
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(_ => Task.Run(() => DeductAsync(1).AsTask())));
        Assert.Equal(100, outcomes.Count(outcome => outcome.IsSuccess));
        Assert.All(outcomes.Where(outcome => !outcome.IsSuccess), outcome => Assert.Equal(RefusalReason.InsufficientCredits, outcome.Refusal?.Reason));
        Assert.Equal(100, outcomes.Where(outcome => outcome.IsSuccess).Select(outcome => outcome.Value.TransactionId).Distinct().Count());
        Assert.Equal(Credits.Zero, await AvailableAsync());
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task Everything_survives_a_restart()
    {
        await OpenAsync();
        await GrantAsync(GrantSource.Purchase, 10.5m);
        await DeductAsync(43, description: "Lead search: Dentists in Austin, TX (97 results)");
        var (balance, rows) = ((await Meter.GetBalanceAsync(Account)).Value, await TransactionsAsync());
        await Host.RestartAsync();
        Assert.Equal(balance, (await Meter.GetBalanceAsync(Account)).Value);
        Assert.Equal(rows, await TransactionsAsync());
    }

    [Fact]
    public async Task A_cancelled_call_is_not_decided()
    {
        await OpenAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await Meter.DeductAsync(Account, new() { Amount = Credits.Of(1) }, new CancellationToken(canceled: true)));
        Assert.Equal(Credits.Of(100), await AvailableAsync());
    }

    [Fact]
    public async Task A_batch_gives_each_item_an_outcome_and_charges_what_can_be_charged()
    {
        await OpenAsync();
        var batch = (await Meter.DeductBatchAsync(Account, new()
        {
            Items = [new() { Amount = Credits.Of(60) }, new() { Amount = Credits.Of(60) }, new() { Amount = Credits.Zero }, new() { Amount = Credits.Of(40) }],
        })).Value;
        Assert.Equal((Credits.Of(100), Credits.Zero), (batch.Charged, batch.Credits));
        Assert.Equal([true, false, false, true], batch.Items.Select(item => item.IsSuccess));
        Assert.Equal(RefusalReason.InsufficientCredits, batch.Items[1].Refusal?.Reason);
        Assert.Equal("items[2].amount", batch.Items[2].Refusal?.Field);
        Assert.Equal(Credits.Of(40), batch.Items[0].Value.Credits);
        await RowsSumToTheBalanceAsync();
    }

    [Fact]
    public async Task Unlimited_plans_record_calls_at_0()
    {
        await OpenAsync("platinum");
        var deduction = (await DeductAsync(1_000)).Value;
        Assert.Equal((Credits.Zero, Credits.Zero), (deduction.Charged, deduction.Credits));
        Assert.True((await Meter.GetBalanceAsync(Account)).Value.Unlimited);
        Assert.Equal(TransactionType.Deduction, Assert.Single(await TransactionsAsync()).Type);
    }

    [Fact]
    public async Task A_product_above_the_accounts_level_is_refused_with_the_level_it_needs()
    {
        await OpenAsync("trial");
        var refusal = (await Meter.DeductAsync(Account, new() { Product = "premium" })).Refusal;
        Assert.Equal((RefusalReason.AccessLevelTooLow, AccessLevel.Platform), (refusal?.Reason, refusal?.RequiredLevel));
    }

    private static (decimal Monthly, decimal Bonus, decimal Used, decimal Available) Published(Balance balance)
    {
        var monthly = balance.Monthly + balance.UsedMonthly;
        var bonus = balance.Bonus + balance.Permanent + balance.UsedCarried;
        var used = balance.UsedMonthly + balance.UsedCarried;
        Assert.Equal(monthly + bonus - used, balance.Available);
        return (monthly.ToDecimal(), bonus.ToDecimal(), used.ToDecimal(), balance.Available.ToDecimal());
    }
}
