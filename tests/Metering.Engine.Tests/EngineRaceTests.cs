using Metering.Conformance;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>Races that the simulation or a reading of the engine brought up, each as small as it can be.</summary>
[Collection(RunsAlone.Name)]
public sealed class EngineRaceTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 5, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly AccountId Account = new("acct");
    private static readonly AccountId Other = new("other");

    private readonly MemoryLedgerStore ledger = new();
    private readonly ScriptedLedgerStore store;
    private readonly HeldReads reads;
    private readonly ManualTimeProvider clock = new(Start);
    private readonly EmbeddedCreditMeter meter;

    public EngineRaceTests()
    {
        store = new(ledger);
        reads = new(store);
        meter = NewMeter();
    }

    public async ValueTask DisposeAsync()
    {
        await meter.DisposeAsync();
        await reads.DisposeAsync();
    }

    [Fact]
    public async Task A_call_that_waits_to_load_its_account_writes_nothing_after_the_meter_is_drained()
    {
        await OpenAsync(Account);
        await using var stopping = NewMeter();
        reads.Hold();
        var charge = stopping.DeductAsync(Account, One).AsTask();
        await stopping.DrainAsync();
        var appends = store.Appends;
        reads.Release();
        Assert.Equal(RefusalReason.Overloaded, (await charge).Refusal?.Reason);
        Assert.Equal(appends, store.Appends);
    }

    [Fact]
    public async Task A_call_that_is_cancelled_while_its_account_loads_is_never_decided()
    {
        await OpenAsync(Account);
        await using var cold = NewMeter();
        using var cancellation = new CancellationTokenSource();
        reads.Hold();
        var charge = cold.DeductAsync(Account, One, cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        reads.Release();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => charge);
        await cold.DrainAsync();
        Assert.Equal(2, (await ledger.ReadHeadAsync(Account)).Head.Sequence);
    }

    [Fact]
    public async Task A_refund_of_what_another_activation_charged_is_judged_on_the_ledger()
    {
        await OpenAsync(Account);
        await using var second = NewMeter();
        await second.GetBalanceAsync(Account);
        var charge = (await meter.DeductAsync(Account, One)).Value;
        Assert.Equal(Credits.Of(100), (await second.RefundAsync(Account, new() { TransactionId = charge.TransactionId })).Value.Credits);
    }

    [Fact]
    public async Task A_refund_of_what_another_activation_charged_is_not_judged_by_a_queue_that_will_not_last()
    {
        await OpenAsync(Account);
        await using var second = NewMeter();
        await second.GetBalanceAsync(Account);
        var charge = (await meter.DeductAsync(Account, One)).Value;
        store.Hold();
        var stale = second.AdjustAsync(Account, new() { Amount = Credits.Of(5), Reason = "decided on a state that is behind" }).AsTask();
        await store.AppendArrivedAsync();
        var refund = second.RefundAsync(Account, new() { TransactionId = charge.TransactionId }).AsTask();
        store.Release();
        Assert.True((await stale).IsSuccess);
        Assert.Equal(Credits.Of(1), (await refund).Value.Amount);
    }

    [Fact]
    public async Task A_lost_answer_is_not_found_in_what_fell_due_by_somebody_elses_call()
    {
        await meter.OpenAccountAsync(Account, new() { Plan = "starter", PaidThrough = Start });
        await using var second = NewMeter();
        await second.GetBalanceAsync(Account);

        // Both payments let the same month be granted: an entry that is the same to the byte.
        await meter.RecordPaymentAsync(Account, Payment("invoice-1"));
        store.NextAppend((_, _) => throw new LedgerOutcomeUnknownException("connection lost"));
        Assert.True((await second.RecordPaymentAsync(Account, Payment("invoice-2"))).IsSuccess);
        Assert.Equal(RefusalReason.ReferenceUsed, (await second.RecordPaymentAsync(Account, Payment("invoice-2"))).Refusal?.Reason);
    }

    [Fact]
    public async Task Nothing_reaches_a_ledger_that_failed_for_good()
    {
        await OpenAsync(Account);
        await OpenAsync(Other);
        store.Hold();
        store.NextAppend((_, _) => throw new LedgerFatalException("I/O error in commit"));
        var first = meter.DeductAsync(Account, One).AsTask();
        await store.AppendArrivedAsync();
        var second = meter.DeductAsync(Other, One).AsTask();
        var appends = store.Appends;
        store.Release();
        Assert.Equal(RefusalReason.OutcomeUnknown, (await first).Refusal?.Reason);
        Assert.Equal(RefusalReason.LedgerUnavailable, (await second).Refusal?.Reason);
        Assert.Equal(appends, store.Appends);
        Assert.Equal(0, meter.QueueDepth);
    }

    [Fact]
    public async Task A_refund_with_a_wrong_amount_is_told_so_before_its_transaction_is_looked_for()
    {
        await OpenAsync(Account);
        var refusal = (await meter.RefundAsync(Account, new() { TransactionId = new(99, 1), Amount = Credits.Zero })).Refusal;
        Assert.Equal((RefusalReason.InvalidRequest, "amount"), (refusal!.Reason, refusal.Field));
    }

    [Fact]
    public async Task An_account_larger_than_the_whole_memory_budget_can_be_used()
    {
        await using var small = NewMeter(options => options.MemoryBudgetBytes = 1);
        Assert.True((await small.OpenAccountAsync(Account, new() { Plan = "starter" })).IsSuccess);
        Assert.Equal(Credits.Of(99), (await small.DeductAsync(Account, One)).Value.Credits);
    }

    [Fact]
    public async Task Refreshing_an_account_does_not_gather_what_left_memory()
    {
        await meter.OpenAccountAsync(Account, new() { Plan = "platinum" });
        await meter.AccessRecordsAsync(Account, new() { Records = [.. Enumerable.Range(0, 10_000).Select(id => new RecordRequest("company", $"{id}"))] });
        await meter.RefreshAsync(Account);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var round = 0; round < 100; round++)
        {
            await meter.RefreshAsync(Account);
        }

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 10_000_000);
    }

    private static DeductRequest One { get; } = new() { Amount = Credits.Of(1) };

    private static PaymentRequest Payment(string invoice) => new() { PaidThrough = Start.AddMonths(1), ExternalReference = invoice };

    private async Task OpenAsync(AccountId account) => Assert.True((await meter.OpenAccountAsync(account, new() { Plan = "starter" })).IsSuccess);

    private EmbeddedCreditMeter NewMeter(Action<CreditMeteringOptions>? configure = null)
    {
        var options = new CreditMeteringOptions { Catalogue = CreditMeterConformance.TestCatalogue };
        configure?.Invoke(options);
        return new(reads, options, clock, NullLogger<EmbeddedCreditMeter>.Instance);
    }

    /// <summary>Makes the reads of activations wait.</summary>
    private sealed class HeldReads(ILedgerStore inner) : DelegatingLedgerStore(inner)
    {
        private TaskCompletionSource? gate;

        public void Hold() => gate = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Release()
        {
            gate?.SetResult();
            gate = null;
        }

        public override async ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default)
        {
            if (gate is { } held)
            {
                await held.Task;
            }

            return await base.ReadAsync(account, fromSequence, limit, cancellationToken);
        }
    }
}
