using Metering.Conformance;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>What falls due on accounts that nobody calls.</summary>
public abstract class DueQueueTests : IAsyncDisposable, IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private readonly ManualTimeProvider clock = new(Start);
    private ILedgerStore store = null!;
    private EmbeddedCreditMeter meter = null!;

    protected abstract ILedgerStore Open();

    public Task InitializeAsync()
    {
        store = Open();
        meter = NewMeter(new());
        return Task.CompletedTask;
    }

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public virtual async ValueTask DisposeAsync()
    {
        await meter.DisposeAsync();
        await store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Every_account_gets_its_reset_at_its_due_time_though_nobody_calls()
    {
        await meter.Due!.RunOnceAsync();
        await OpenAsync(300);
        clock.Set(Start.AddDays(27));
        await meter.Due.RunOnceAsync();
        Assert.Equal(0, await CountResetsAsync(Account(0)) - 1);

        clock.Set(new(2026, 2, 28, 13, 0, 1, TimeSpan.Zero));
        await meter.Due.RunOnceAsync();
        for (var number = 0; number < 300; number++)
        {
            var rows = await RowsAsync(Account(number));
            Assert.Equal(
                [TransactionType.MonthlyReset, TransactionType.Expiration, TransactionType.MonthlyReset], rows.Select(row => row.Type));
            Assert.Equal(new DateTimeOffset(2026, 2, 28, 12, 0, 0, TimeSpan.Zero), rows[2].CreatedAt);
            Assert.Equal(clock.GetUtcNow(), rows[2].AppliedAt);
        }
    }

    [Fact]
    public async Task Each_account_has_its_own_moment_of_the_window()
    {
        await OpenAsync(200, started: true);
        var turns = new List<long>();
        for (var minute = 0; minute <= 60; minute += 10)
        {
            clock.Set(new DateTimeOffset(2026, 2, 28, 12, 0, 0, TimeSpan.Zero).AddMinutes(minute).AddMilliseconds(1));
            var before = meter.Due!.Entered;
            await meter.Due.RunOnceAsync();
            turns.Add(meter.Due.Entered - before);
        }

        Assert.Equal(200, turns.Sum());
        Assert.All(turns.Skip(1), turn => Assert.InRange(turn, 10, 70));
        var delays = Enumerable.Range(0, 200).Select(number => DueQueue.DelayOf(Account(number), TimeSpan.FromHours(1))).ToList();
        Assert.All(delays, delay => Assert.InRange(delay, TimeSpan.Zero, TimeSpan.FromHours(1)));
        Assert.Equal(delays, Enumerable.Range(0, 200).Select(number => DueQueue.DelayOf(Account(number), TimeSpan.FromHours(1))));
        Assert.InRange(delays.Distinct().Count(), 195, 200);
    }

    [Fact]
    public async Task A_process_that_was_down_for_three_months_enters_one_row_a_missed_month()
    {
        await OpenAsync(3, started: true);
        await RestartAsync(new());
        clock.Set(new(2026, 5, 1, 0, 0, 0, TimeSpan.Zero));
        await meter.Due!.RunOnceAsync();
        for (var number = 0; number < 3; number++)
        {
            var resets = (await RowsAsync(Account(number))).Where(row => row.Type == TransactionType.MonthlyReset).Select(row => row.CreatedAt);
            Assert.Equal(
                [Start, new(2026, 2, 28, 12, 0, 0, TimeSpan.Zero), new(2026, 3, 31, 12, 0, 0, TimeSpan.Zero), new(2026, 4, 30, 12, 0, 0, TimeSpan.Zero)], resets);
        }
    }

    [Fact]
    public async Task Accounts_without_a_note_are_found()
    {
        // Nobody notes anything while the queue has not begun, as after a crash that lost every note.
        await OpenAsync(2_100);
        Assert.Empty(await ((IDueStore)store).ListNotedAsync(null, new("z")));
        await RestartAsync(new());
        clock.Set(new(2026, 2, 28, 12, 0, 1, TimeSpan.Zero));
        await meter.Due!.RunOnceAsync();
        Assert.Equal(2_100, (await ((IDueStore)store).ListNotedAsync(null, new("z"))).Count);
        Assert.Equal(2, await CountResetsAsync(Account(2_099)));
        Assert.Equal(0, meter.ActiveAccounts);
    }

    [Fact]
    public async Task An_expiry_that_comes_before_the_period_ends_is_entered_at_its_time()
    {
        await OpenAsync(1, started: true);
        await meter.GrantAsync(Account(0), new() { Source = GrantSource.Bonus, Amount = Credits.Of(5), ExpiresAt = Start.AddDays(3) });
        clock.Set(Start.AddDays(3).AddHours(2));
        await meter.Due!.RunOnceAsync();
        var last = (await RowsAsync(Account(0)))[^1];
        Assert.Equal((TransactionType.Expiration, Start.AddDays(3)), (last.Type, last.CreatedAt));
        clock.Set(new(2026, 2, 28, 14, 0, 0, TimeSpan.Zero));
        await meter.Due.RunOnceAsync();
        Assert.Equal(2, await CountResetsAsync(Account(0)));
    }

    [Fact]
    public async Task Accounts_that_callers_use_stay_in_memory_and_others_leave_it()
    {
        await OpenAsync(100, started: true);
        await RestartAsync(new());
        await meter.GetBalanceAsync(Account(5));
        clock.Set(new(2026, 2, 28, 14, 0, 0, TimeSpan.Zero));
        await meter.Due!.RunOnceAsync();
        Assert.Equal(100, meter.Due.Entered);
        Assert.Equal(1, meter.ActiveAccounts);
        Assert.Equal(new DateTimeOffset(2026, 3, 31, 12, 0, 0, TimeSpan.Zero), meter.NextDue(Account(5)));
    }

    [Fact]
    public async Task A_damaged_account_holds_up_no_other()
    {
        await OpenAsync(70, started: true);
        var broken = new BrokenAccount(store, Account(3));
        await meter.DisposeAsync();
        meter = new(broken, new() { Due = new() { MaxPerSecond = 0 } }, clock, NullLogger<EmbeddedCreditMeter>.Instance);
        clock.Set(new(2026, 2, 28, 14, 0, 0, TimeSpan.Zero));
        await meter.Due!.RunOnceAsync();
        Assert.Equal(70, meter.Due.Entered);
        await meter.Due.RunOnceAsync();
        Assert.Equal(70, meter.Due.Entered);
        clock.Advance(TimeSpan.FromHours(1.1));
        broken.IsBroken = false;
        await meter.Due.RunOnceAsync();
        Assert.Equal(71, meter.Due.Entered);
        Assert.Equal(2, await CountResetsAsync(Account(3)));
    }

    [Fact]
    public async Task The_queue_runs_by_itself_and_ends_with_the_meter()
    {
        await RestartAsync(new() { Window = TimeSpan.Zero, MaxPerSecond = 0 });
        meter.StartDueQueue();
        await OpenAsync(3);
        clock.Set(new(2026, 2, 28, 12, 0, 1, TimeSpan.Zero));
        while ((await store.ReadHeadAsync(Account(2))).Transactions < 3)
        {
            // Its turn comes by the clock alone.
            clock.Advance(TimeSpan.FromSeconds(5));
            await Task.Yield();
        }

        await meter.DisposeAsync();
        var head = await store.ReadHeadAsync(Account(2));
        clock.Advance(TimeSpan.FromDays(90));
        Assert.Equal(head, await store.ReadHeadAsync(Account(2)));
    }

    [Fact]
    public async Task A_small_queue_has_room_for_a_caller_while_many_accounts_are_due()
    {
        await OpenAsync(101, started: true);
        await meter.DisposeAsync();
        var held = new HeldAppend(store);
        meter = new(held, new() { QueueCapacity = 8, Due = new() { MaxPerSecond = 0 } }, clock, NullLogger<EmbeddedCreditMeter>.Instance);
        clock.Set(new(2026, 2, 28, 14, 0, 0, TimeSpan.Zero));
        var entering = meter.Due!.RunOnceAsync();
        await held.Arrived;
        var calling = meter.DeductAsync(Account(100), new() { Amount = Credits.Of(1) }).AsTask();
        held.Release();
        Assert.True((await calling).IsSuccess);
        await entering;
        Assert.Equal(101, meter.Due.Entered);
        for (var number = 0; number < 101; number++)
        {
            Assert.Equal(2, await CountResetsAsync(Account(number)));
        }
    }

    [Fact]
    public async Task Nothing_is_entered_where_the_queue_is_turned_off()
    {
        await RestartAsync(new() { IsEnabled = false });
        meter.StartDueQueue();
        Assert.Null(meter.Due);
    }

    [Fact]
    public async Task Twenty_thousand_accounts_due_in_one_hour_hold_up_no_caller()
    {
        const int Accounts = 20_000;
        await RestartAsync(new() { MaxPerSecond = 0 });
        await OpenAsync(Accounts, started: true);
        await RestartAsync(new() { MaxPerSecond = 0 });
        clock.Set(new(2026, 2, 28, 13, 0, 1, TimeSpan.Zero));
        var caller = new AccountId("caller");
        await meter.OpenAccountAsync(caller, new() { Plan = "scale" });

        var entering = Task.Run(meter.Due!.RunOnceAsync);
        var enteredAtAnswer = new List<long>();
        while (!entering.IsCompleted)
        {
            Assert.True((await meter.DeductAsync(caller, new() { Amount = new Credits(1) })).IsSuccess);
            enteredAtAnswer.Add(meter.Due.Entered);
        }

        await entering;
        Assert.InRange(meter.Due.Entered, Accounts, Accounts + 1);

        // Between two answers of one caller lie few of the others: a commit or two, not the whole hour's accounts.
        Assert.InRange(enteredAtAnswer.Count, Accounts / 1_000, int.MaxValue);
        Assert.InRange(meter.ActiveAccounts, 1, 2);
        Assert.Equal(2, await CountResetsAsync(Account(Accounts - 1)));
    }

    private static AccountId Account(int number) => new($"acct-{number:D6}");

    private EmbeddedCreditMeter NewMeter(DueQueueOptions due)
    {
        due.MaxPerSecond = 0;
        return new(store, new() { Due = due }, clock, NullLogger<EmbeddedCreditMeter>.Instance);
    }

    private async Task RestartAsync(DueQueueOptions due)
    {
        await meter.DisposeAsync();
        meter = NewMeter(due);
    }

    private async Task OpenAsync(int accounts, bool started = false)
    {
        if (started)
        {
            await meter.Due!.RunOnceAsync();
        }

        foreach (var part in Enumerable.Range(0, accounts).Chunk(1_000))
        {
            var opened = part.Select(number => meter.OpenAccountAsync(Account(number), new() { Plan = "starter", Anchor = Start }).AsTask()).ToList();
            Assert.All(await Task.WhenAll(opened), answer => Assert.True(answer.IsSuccess));
        }

        if (started)
        {
            await meter.Due!.RunOnceAsync();
        }
    }

    private async Task<int> CountResetsAsync(AccountId account) => (await RowsAsync(account)).Count(row => row.Type == TransactionType.MonthlyReset);

    /// <summary>An account's transactions in the ledger, oldest first: reading them from the meter would enter what is due.</summary>
    private async Task<List<Transaction>> RowsAsync(AccountId account) =>
        [.. (await store.ReadTransactionsAsync(account, long.MaxValue, 1_000)).Select(row => Views.ToTransaction((Core.TransactionEntry)Views.ToEntry(row))).Reverse()];

    /// <summary>One account that cannot be read for a while.</summary>
    private sealed class BrokenAccount(ILedgerStore inner, AccountId account) : DisturbedStore(inner)
    {
        public bool IsBroken { get; set; } = true;

        public override ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId read, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
            IsBroken && read == account ? throw new Core.LedgerFormatException("broken") : base.ReadAsync(read, fromSequence, limit, cancellationToken);
    }

    /// <summary>The first append takes its time, and what is queued behind it waits.</summary>
    private sealed class HeldAppend(ILedgerStore inner) : DisturbedStore(inner)
    {
        private readonly TaskCompletionSource arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Arrived => arrived.Task;

        public void Release() => gate.SetResult();

        public override async ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
        {
            arrived.TrySetResult();
            await gate.Task;
            await base.AppendAsync(groups, cancellationToken);
        }
    }

    private abstract class DisturbedStore(ILedgerStore inner) : DelegatingLedgerStore(inner), IDueStore
    {
        private readonly IDueStore dues = (IDueStore)inner;

        public ValueTask NoteDueAsync(IReadOnlyList<DueNote> notes, CancellationToken cancellationToken = default) => dues.NoteDueAsync(notes, cancellationToken);

        public ValueTask<IReadOnlyList<AccountId>> ClaimDueAsync(DateTimeOffset now, TimeSpan lease, int limit, CancellationToken cancellationToken = default) =>
            dues.ClaimDueAsync(now, lease, limit, cancellationToken);

        public ValueTask<IReadOnlyList<AccountId>> ListNotedAsync(AccountId? after, AccountId through, CancellationToken cancellationToken = default) =>
            dues.ListNotedAsync(after, through, cancellationToken);
    }
}

public sealed class MemoryDueQueueTests : DueQueueTests
{
    protected override ILedgerStore Open() => new MemoryLedgerStore();
}

public sealed class SqliteDueQueueTests : DueQueueTests
{
    private readonly TempFolder folder = new();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        folder.Remove();
    }

    protected override ILedgerStore Open() => SqliteLedgerStore.Open(folder.File("metering.db"));
}
