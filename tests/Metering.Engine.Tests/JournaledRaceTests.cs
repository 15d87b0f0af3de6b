using Metering.Conformance;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>Readers, an appender and the projector at once; and every promise of a store with a projector that steps in between.</summary>
public sealed class JournaledRaceTests : IDisposable
{
    private readonly JournaledFiles files = new();

    public void Dispose() => files.Remove();

    [Fact]
    public async Task Readers_that_race_the_projector_miss_nothing_and_see_nothing_twice()
    {
        const int Commits = 300;
        var store = files.Open(new() { StepBytes = 3_000, MaxBacklogBytes = 6_000 });
        LedgerWriting[] ledgers = [new("hot"), new("cool", 2)];
        await store.AppendAsync([.. ledgers.Select(ledger => ledger.Next(2))]);
        long[] returned = [2, 2];
        using var stop = new CancellationTokenSource();
        var projector = Task.Run(() =>
        {
            var steps = 0;
            while (!stop.IsCancellationRequested)
            {
                steps += store.Step() ? 1 : 0;
            }

            return steps;
        });
        var readers = Enumerable.Range(0, 6).Select(reader => Task.Run(async () =>
        {
            var (reads, at) = (0, reader % ledgers.Length);
            do
            {
                await ReadAsync(store, ledgers[at].Account, Volatile.Read(ref returned[at]), new Random(reads));
                reads++;
            }
            while (!stop.IsCancellationRequested);
            return reads;
        })).ToArray();

        for (var commit = 0; commit < Commits; commit++)
        {
            AppendGroup[] groups = commit % 5 == 0 ? [.. ledgers.Select(ledger => ledger.Next(2))] : [ledgers[0].Next(2)];
            await store.AppendAsync(groups);
            for (var index = 0; index < ledgers.Length; index++)
            {
                Volatile.Write(ref returned[index], ledgers[index].Head.Sequence);
            }
        }

        await stop.CancelAsync();
        Assert.All(await Task.WhenAll(readers), reads => Assert.True(reads > 0));
        Assert.True(await projector > 0);
        Assert.True(store.Watermark > 0);
        await store.DisposeAsync();
    }

    private static async Task ReadAsync(JournaledLedgerStore store, AccountId account, long atLeast, Random random)
    {
        var rows = await store.ReadAsync(account, 1, int.MaxValue);
        Assert.True(rows.Count >= atLeast);
        Assert.NotNull(rows[^1].Link);
        Assert.Equal(Enumerable.Range(1, rows.Count).Select(number => (long)number), rows.Select(row => row.Sequence));

        var transactions = await store.ReadTransactionsAsync(account, long.MaxValue, 20);
        Assert.True(transactions[0].TransactionNumber >= atLeast);
        Assert.Equal(Enumerable.Range(0, transactions.Count).Select(number => transactions[0].TransactionNumber - number), transactions.Select(row => row.TransactionNumber));

        var wanted = rows[random.Next((int)atLeast)];
        Assert.Equal(wanted.Sequence, await store.FindKeyAsync(account, wanted.Key!.Value));
        Assert.True((await store.ReadHeadAsync(account)).Head.Sequence >= atLeast);
        Assert.Contains(account, await store.ListAccountsAsync(null, 10));
    }
}

/// <summary>Every promise of a store, with a projector that takes a step after each write and limits that a test of a few rows meets.</summary>
public sealed class SteppedLedgerStoreTests : DurableLedgerStoreConformance
{
    private readonly JournaledFiles files = new();

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        files.Remove();
    }

    protected override ValueTask<ILedgerStore> OpenAsync() => new(new Stepped(files.Open(new() { StepBytes = 500, CachedAccounts = 2 })));

    protected override ValueTask<ILedgerStore> ReopenAsync() => OpenAsync();

    private sealed class Stepped(JournaledLedgerStore store) : DelegatingLedgerStore(store), IPersonalTexts, IDueStore
    {
        private int writes;

        public override async ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
        {
            await base.AppendAsync(groups, cancellationToken);
            Step();
        }

        public override async ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default)
        {
            await base.SaveSnapshotAsync(account, snapshot, cancellationToken);
            Step();
        }

        public ValueTask<long> EraseTextsAsync(AccountId account, DateTimeOffset? before = null, CancellationToken cancellationToken = default) =>
            store.EraseTextsAsync(account, before, cancellationToken);

        public async ValueTask NoteDueAsync(IReadOnlyList<DueNote> notes, CancellationToken cancellationToken = default)
        {
            await store.NoteDueAsync(notes, cancellationToken);
            Step();
        }

        public ValueTask<IReadOnlyList<AccountId>> ClaimDueAsync(DateTimeOffset now, TimeSpan lease, int limit, CancellationToken cancellationToken = default) =>
            store.ClaimDueAsync(now, lease, limit, cancellationToken);

        public ValueTask<IReadOnlyList<AccountId>> ListNotedAsync(AccountId? after, AccountId through, CancellationToken cancellationToken = default) =>
            store.ListNotedAsync(after, through, cancellationToken);

        // None, one or two steps in turn, so that reads meet the tail alone, both, and the pages alone.
        private void Step()
        {
            for (var step = 0; step < writes % 3; step++)
            {
                store.Step();
            }

            writes++;
        }
    }
}
