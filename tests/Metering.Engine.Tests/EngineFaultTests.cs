using Metering.Conformance;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>What callers hear when the ledger fails, waits or is written by somebody else.</summary>
public sealed class EngineFaultTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 5, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly AccountId Account = new("acct");

    private readonly MemoryLedgerStore ledger = new();
    private readonly ScriptedLedgerStore store;
    private readonly ManualTimeProvider clock = new(Start);
    private readonly EmbeddedCreditMeter meter;

    public EngineFaultTests()
    {
        store = new(ledger);
        meter = NewMeter();
    }

    public async ValueTask DisposeAsync() => await meter.DisposeAsync();

    [Fact]
    public async Task Nobody_hears_of_a_charge_a_refusal_or_a_free_access_before_what_it_saw_is_durable()
    {
        await OpenAsync();
        await meter.AccessRecordsAsync(Account, new() { Records = [new("company", "a")] });
        store.Hold();
        var charge = DeductAsync(99).AsTask();
        await store.AppendArrivedAsync();
        var refusal = DeductAsync(1).AsTask();
        var free = meter.AccessRecordsAsync(Account, new() { Records = [new("company", "a")] }).AsTask();
        Assert.False(charge.IsCompleted || refusal.IsCompleted || free.IsCompleted);
        Assert.Equal(Credits.Of(99), (await meter.GetBalanceAsync(Account)).Value.Available);

        store.Release();
        Assert.Equal(Credits.Zero, (await charge).Value.Credits);
        Assert.Equal(RefusalReason.InsufficientCredits, (await refusal).Refusal?.Reason);
        Assert.Equal(Credits.Zero, (await free).Value.Credits);
    }

    [Fact]
    public async Task A_refusal_that_saw_a_charge_that_was_lost_is_decided_again()
    {
        await OpenAsync();
        store.Hold();
        store.NextAppend((_, _) => throw new LedgerUnavailableException("disk full"));
        var charge = DeductAsync(100).AsTask();
        await store.AppendArrivedAsync();
        var other = DeductAsync(30).AsTask();
        store.Release();
        Assert.Equal(RefusalReason.LedgerUnavailable, (await charge).Refusal?.Reason);
        Assert.Equal(Credits.Of(70), (await other).Value.Credits);
    }

    [Fact]
    public async Task A_ledger_that_cannot_be_written_refuses_and_recovers_by_itself()
    {
        await OpenAsync();
        store.NextAppend((_, _) => throw new LedgerUnavailableException("disk full"));
        var refusal = (await DeductAsync(10)).Refusal;
        Assert.Equal(RefusalReason.LedgerUnavailable, refusal?.Reason);
        Assert.NotNull(refusal!.RetryAfter);
        Assert.Equal(Credits.Of(100), (await meter.GetBalanceAsync(Account)).Value.Available);
        Assert.Equal(Credits.Of(90), (await DeductAsync(10)).Value.Credits);
        await IsSoundAsync(3);
    }

    [Fact]
    public async Task Entries_still_queued_from_a_dropped_state_are_never_written()
    {
        await OpenAsync();
        store.Hold();
        store.NextAppend((_, _) => throw new LedgerUnavailableException("disk full"));
        var lost = DeductAsync(10).AsTask();
        await store.AppendArrivedAsync();
        var queued = Enumerable.Range(0, 5).Select(_ => DeductAsync(1).AsTask()).ToArray();
        store.Release();
        Assert.False((await lost).IsSuccess);

        // What was queued on the lost state was decided again on the true one.
        var outcomes = await Task.WhenAll(queued);
        Assert.Equal(Credits.Of(95), outcomes.Min(outcome => outcome.Value.Credits));
        await IsSoundAsync(2 + 5);
    }

    [Fact]
    public async Task A_lost_answer_to_a_commit_that_took_place_is_found_out_and_charged_once()
    {
        await OpenAsync();
        store.NextAppend(async (_, append) =>
        {
            await append();
            throw new LedgerOutcomeUnknownException("connection lost");
        });
        Assert.Equal(Credits.Of(90), (await DeductAsync(10)).Value.Credits);
        Assert.Equal(Credits.Of(90), (await meter.GetBalanceAsync(Account)).Value.Available);
        await IsSoundAsync(3);
    }

    [Fact]
    public async Task A_lost_answer_to_a_commit_that_did_not_take_place_is_decided_again_and_charged_once()
    {
        await OpenAsync();
        store.NextAppend((_, _) => throw new LedgerOutcomeUnknownException("connection lost"));
        Assert.Equal(Credits.Of(90), (await DeductAsync(10)).Value.Credits);
        await IsSoundAsync(3);
    }

    [Fact]
    public async Task Where_nothing_can_be_found_out_the_answer_has_the_id_that_tells_later()
    {
        await OpenAsync();
        store.NextAppend(async (_, append) =>
        {
            await append();
            store.ReadFailure = new LedgerUnavailableException("connection refused");
            throw new LedgerOutcomeUnknownException("connection lost");
        });
        var refusal = (await DeductAsync(10, "key")).Refusal;
        Assert.Equal(RefusalReason.OutcomeUnknown, refusal?.Reason);
        store.ReadFailure = null;
        Assert.Equal(TransactionState.Charged, (await meter.GetTransactionAsync(Account, refusal!.TransactionId!.Value)).Value.State);
        var retry = await DeductAsync(10, "key");
        Assert.True(retry.IsReplay);
        Assert.Equal(refusal.TransactionId, retry.Value.TransactionId);
    }

    [Fact]
    public async Task A_transaction_on_its_way_is_unknown_until_it_is_durable()
    {
        await OpenAsync();
        store.Hold();
        var charge = DeductAsync(10, "key").AsTask();
        await store.AppendArrivedAsync();
        var probable = new TransactionId(2, 0);
        Assert.Equal(TransactionState.Unknown, (await meter.GetTransactionAsync(Account, probable)).Value.State);
        store.Release();
        await charge;
        Assert.Equal(TransactionState.NotCharged, (await meter.GetTransactionAsync(Account, probable)).Value.State);
    }

    [Fact]
    public async Task Two_activations_of_one_account_never_spend_a_credit_twice()
    {
        await OpenAsync();
        await using var second = NewMeter();
        await second.GetBalanceAsync(Account);
        var calls = Enumerable.Range(0, 200).Select(index => Task.Run(async () =>
            await (index % 2 == 0 ? meter : second).DeductAsync(Account, new() { Amount = Credits.Of(1), IdempotencyKey = $"key-{index}" })));
        var all = Task.WhenAll(calls);
        while (!all.IsCompleted)
        {
            // A call that lost three times in a row waits on the clock.
            clock.Advance(TimeSpan.FromMilliseconds(10));
            await Task.Yield();
        }

        var outcomes = await all;
        Assert.All(outcomes.Where(outcome => !outcome.IsSuccess), outcome =>
            Assert.Contains(outcome.Refusal!.Reason, new[] { RefusalReason.InsufficientCredits, RefusalReason.Overloaded }));
        var charged = outcomes.Count(outcome => outcome.IsSuccess);
        Assert.InRange(charged, 1, 100);
        Assert.Equal(Credits.Of(100 - charged), (await second.RefreshAsync(Account)).Value.Available);
        Assert.Equal(Credits.Of(100 - charged), (await meter.RefreshAsync(Account)).Value.Available);
        await IsSoundAsync(2 + charged);
    }

    [Fact]
    public async Task A_full_queue_refuses_before_anything_changes()
    {
        await using var small = NewMeter(options => options.QueueCapacity = 2);
        await OpenAsync();
        store.Hold();
        var first = small.DeductAsync(Account, One).AsTask();
        await store.AppendArrivedAsync();
        var second = small.DeductAsync(Account, One).AsTask();
        var refusal = (await small.DeductAsync(Account, One)).Refusal;
        Assert.Equal(RefusalReason.Overloaded, refusal?.Reason);
        Assert.NotNull(refusal!.RetryAfter);
        store.Release();
        await Task.WhenAll(first, second);
        Assert.Equal(Credits.Of(97), (await small.DeductAsync(Account, One)).Value.Credits);
    }

    [Fact]
    public async Task A_batch_that_the_ledger_refuses_for_its_content_fails_only_the_offender()
    {
        await OpenAsync();
        foreach (var index in Enumerable.Range(0, 8))
        {
            await meter.OpenAccountAsync(new($"other-{index}"), new() { Plan = "starter" });
        }

        Task RefuseOffender(IReadOnlyList<AppendGroup> groups, Func<Task> append) =>
            groups.Any(group => group.Account == Account) ? throw new LedgerContentException("refused") : append();
        store.Hold();
        var blocker = meter.DeductAsync(new("other-0"), One).AsTask();
        await store.AppendArrivedAsync();
        var offender = DeductAsync(1).AsTask();
        var others = Enumerable.Range(0, 8).Select(index => meter.DeductAsync(new($"other-{index}"), One).AsTask()).ToArray();
        store.NextAppend((_, append) => append());
        for (var attempt = 0; attempt < 8; attempt++)
        {
            store.NextAppend(RefuseOffender);
        }

        store.Release();
        await blocker;
        await Assert.ThrowsAsync<LedgerContentException>(() => offender);
        Assert.All(await Task.WhenAll(others), outcome => Assert.True(outcome.IsSuccess));
    }

    [Fact]
    public async Task A_fatal_failure_stops_the_meter_and_says_so()
    {
        await OpenAsync();
        store.NextAppend((_, _) => throw new LedgerFatalException("I/O error in commit"));
        Assert.Equal(RefusalReason.OutcomeUnknown, (await DeductAsync(10)).Refusal?.Reason);
        Assert.Equal("I/O error in commit", (await meter.Fatal).Message);
        var appends = store.Appends;
        Assert.Equal(RefusalReason.LedgerUnavailable, (await DeductAsync(10)).Refusal?.Reason);
        Assert.Equal(appends, store.Appends);
    }

    [Fact]
    public async Task Cancelling_after_the_decision_ends_only_the_wait()
    {
        await OpenAsync();
        store.Hold();
        using var cancellation = new CancellationTokenSource();
        var charge = meter.DeductAsync(Account, One, cancellation.Token).AsTask();
        await store.AppendArrivedAsync();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => charge);
        store.Release();
        Assert.Equal(Credits.Of(98), (await DeductAsync(1)).Value.Credits);
    }

    [Fact]
    public async Task Accounts_beyond_the_memory_budget_leave_and_come_back_unchanged()
    {
        await using var small = NewMeter(options => options.MemoryBudgetBytes = 1 << 20);
        for (var index = 0; index < 3_000; index++)
        {
            await small.OpenAccountAsync(new($"many-{index}"), new() { Plan = "starter" });
        }

        Assert.InRange(small.ActiveAccounts, 1, 1_500);
        for (var index = 0; index < 3_000; index += 100)
        {
            Assert.Equal(Credits.Of(99), (await small.DeductAsync(new($"many-{index}"), One)).Value.Credits);
        }
    }

    [Fact]
    public async Task A_busy_account_leaves_snapshots_that_shorten_its_next_activation()
    {
        await using (var busy = NewMeter(options => options.SnapshotInterval = 100))
        {
            await busy.OpenAccountAsync(Account, new() { Plan = "empty" });
            await busy.GrantAsync(Account, new() { Source = GrantSource.Purchase, Amount = Credits.Of(100_000) });
            for (var round = 0; round < 20; round++)
            {
                await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => busy.DeductAsync(Account, One).AsTask()));
            }
        }

        Assert.NotEmpty(await ledger.ReadSnapshotsAsync(Account));
        var before = store.RowsRead;
        Assert.Equal(Credits.Of(99_000), (await meter.GetBalanceAsync(Account)).Value.Available);
        Assert.InRange(store.RowsRead - before, 0, 200);
        await IsSoundAsync(1_002);
    }

    [Fact]
    public async Task A_snapshot_of_a_future_that_the_ledger_does_not_hold_is_passed_over()
    {
        await OpenAsync();
        await DeductAsync(10);
        await meter.DrainAsync();
        await ledger.SaveSnapshotAsync(Account, new(new(3, new(1, 2, 3, 4)), Core.SnapshotCodec.Version, new byte[] { 1, 2, 3 }));
        await ledger.SaveSnapshotAsync(Account, new(new(9, new(1, 2, 3, 4)), Core.SnapshotCodec.Version, new byte[] { 1, 2, 3 }));
        await using var next = NewMeter();
        Assert.Equal(Credits.Of(90), (await next.GetBalanceAsync(Account)).Value.Available);
    }

    [Fact]
    public async Task A_stopping_meter_finishes_what_it_accepted_and_accepts_no_more()
    {
        await OpenAsync();
        store.Hold();
        var charge = DeductAsync(10).AsTask();
        await store.AppendArrivedAsync();
        var drain = meter.DrainAsync().AsTask();
        Assert.Equal(RefusalReason.Overloaded, (await DeductAsync(10)).Refusal?.Reason);
        Assert.False(drain.IsCompleted);
        store.Release();
        await drain;
        Assert.Equal(Credits.Of(90), (await charge).Value.Credits);
    }

    [Fact]
    public async Task Verification_names_the_first_bad_row()
    {
        await OpenAsync();
        await DeductAsync(10);
        await DeductAsync(20);
        await meter.DrainAsync();
        Assert.True((await LedgerVerifier.VerifyAsync(store)).IsSound);
        ILedgerStore tampered = new TamperedStore(ledger, sequence: 3);
        var report = await LedgerVerifier.VerifyAsync(tampered);
        Assert.Contains("entry 3", report.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_retry_hears_its_first_answer_after_its_product_left_the_catalogue()
    {
        await OpenAsync();
        DeductRequest premium = new() { Product = "premium", IdempotencyKey = "key" };
        var first = await meter.DeductAsync(Account, premium);
        await using var later = NewMeter(options => options.Catalogue = Catalogue.Default);
        var again = await later.DeductAsync(Account, premium);
        Assert.True(again.IsReplay);
        Assert.Equal(first.Value, again.Value);
        Assert.Equal("product", (await later.DeductAsync(Account, premium with { IdempotencyKey = "new" })).Refusal?.Field);
    }

    [Fact]
    public async Task A_batch_whose_outcome_is_unknown_names_a_transaction_that_tells_for_all_of_it()
    {
        await OpenAsync();
        store.NextAppend(async (_, append) =>
        {
            await append();
            throw new LedgerFatalException("I/O error in commit");
        });
        var refusal = (await meter.DeductBatchAsync(Account, new() { Items = [new() { Amount = Credits.Of(1_000) }, One, One] })).Refusal;
        Assert.Equal(RefusalReason.OutcomeUnknown, refusal?.Reason);
        await using var next = NewMeter();
        Assert.Equal(TransactionState.Charged, (await next.GetTransactionAsync(Account, refusal!.TransactionId!.Value)).Value.State);
    }

    [Fact]
    public async Task A_snapshot_that_differs_from_what_the_entries_add_up_to_is_found_by_verification()
    {
        await OpenAsync();
        await meter.AccessRecordsAsync(Account, new() { Records = [new("company", "a")] });
        await meter.DrainAsync();
        var rows = await ledger.ReadAsync(Account, 1, 10);
        var state = Core.Account.New(Account);
        foreach (var row in rows)
        {
            Core.Account.Evolve(state, Core.EntryCodec.Decode(row.Facts.Span, row.Texts.Span));
        }

        // The same balance, and one record subscription that nobody paid.
        state.Records.Set(Core.RecordKey.Of("company", "b"), Core.RecordDay.LastDayFrom(Start), Core.RecordDay.Of(Start));
        var writer = new Core.ByteWriter();
        Core.SnapshotCodec.Encode(state, writer);
        await ledger.SaveSnapshotAsync(Account, new(new(rows[^1].Sequence, rows[^1].Link!.Value), Core.SnapshotCodec.Version, writer.Written));
        Assert.Contains("snapshot", (await LedgerVerifier.VerifyAsync(ledger)).Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_that_fails_stops_nobody()
    {
        await using EmbeddedCreditMeter unlogged = new(store, new() { Catalogue = CreditMeterConformance.TestCatalogue }, clock, new FailingLogger());
        await OpenAsync();
        store.NextAppend((_, _) => throw new LedgerUnavailableException("disk full"));
        Assert.Equal(RefusalReason.LedgerUnavailable, (await unlogged.DeductAsync(Account, One)).Refusal?.Reason);
        Assert.Equal(Credits.Of(99), (await unlogged.DeductAsync(Account, One)).Value.Credits);
        store.NextAppend((_, _) => throw new NotSupportedException("a bug of the store"));
        Assert.Equal(RefusalReason.OutcomeUnknown, (await unlogged.DeductAsync(Account, One)).Refusal?.Reason);
        Assert.Contains("a bug of the store", (await unlogged.Fatal).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_catalogue_made_in_code_is_checked_like_a_configured_one()
    {
        (Product Product, string Setting)[] cases =
        [
            (new() { Id = "blocks", Unit = PriceUnit.ResultBlock, BlockSize = 0 }, "Products:blocks:BlockSize"),
            (new() { Id = "record", Unit = PriceUnit.Record, Base = Credits.Of(1) }, "Products:record:Base"),
            (new() { Id = "covered", CoveredBy = "compny" }, "Products:covered:CoveredBy"),
            (new() { Id = "negative", PerUnit = Credits.Of(-1) }, "Products:negative:PerUnit"),
            (new() { Id = "Not An Id" }, "Products:Not An Id"),
        ];
        foreach (var (product, setting) in cases)
        {
            var options = new CreditMeteringOptions { Catalogue = new([product], []) }.UseMemory();
            Assert.Contains(setting, Assert.Throws<MeteringStartupException>(options.Validate).Message, StringComparison.Ordinal);
        }
    }

    private static DeductRequest One { get; } = new() { Amount = Credits.Of(1) };

    private EmbeddedCreditMeter NewMeter(Action<CreditMeteringOptions>? configure = null)
    {
        var options = new CreditMeteringOptions { Catalogue = CreditMeterConformance.TestCatalogue };
        configure?.Invoke(options);
        return new(store, options, clock, NullLogger<EmbeddedCreditMeter>.Instance);
    }

    private async Task OpenAsync() => Assert.True((await meter.OpenAccountAsync(Account, new() { Plan = "starter" })).IsSuccess);

    private ValueTask<Outcome<Deduction>> DeductAsync(decimal amount, string? key = null) =>
        meter.DeductAsync(Account, new() { Amount = Credits.Of(amount), IdempotencyKey = key });

    private async Task IsSoundAsync(long entries) =>
        Assert.Equal(new VerificationReport(1, entries, null), await LedgerVerifier.VerifyAsync(ledger));

    /// <summary>What a host's logger does when one of its sinks throws.</summary>
    private sealed class FailingLogger : ILogger<EmbeddedCreditMeter>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            throw new AggregateException("The sink's disk is full.");
    }

    /// <summary>A ledger in which one byte of one row was changed behind the meter's back.</summary>
    private sealed class TamperedStore(ILedgerStore inner, long sequence) : DelegatingLedgerStore(inner)
    {
        public override async ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
            [.. (await base.ReadAsync(account, fromSequence, limit, cancellationToken)).Select(Tamper)];

        private LedgerRow Tamper(LedgerRow row)
        {
            if (row.Sequence != sequence)
            {
                return row;
            }

            var facts = row.Facts.ToArray();
            facts[^1] ^= 1;
            return row with { Facts = facts };
        }
    }
}
