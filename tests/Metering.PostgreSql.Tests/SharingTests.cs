using Metering.Conformance;
using Metering.Engine;
using Npgsql;
using Xunit;

namespace Metering.PostgreSql.Tests;

/// <summary>Several stores on one database, as processes that share it.</summary>
public sealed class SharingTests : IAsyncLifetime
{
    private Database database = null!;

    public async Task InitializeAsync() => database = await Databases.CreateAsync();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Writers_that_race_on_the_same_accounts_never_both_win_and_never_stand_in_each_others_way_for_good()
    {
        var accounts = Enumerable.Range(0, 6).Select(number => new AccountId($"raced-{number}")).ToArray();
        var won = await Task.WhenAll(Enumerable.Range(1, 3).Select(seed => Task.Run(() => RaceAsync(accounts, seed))));

        await using var store = database.OpenLedger();
        foreach (var account in accounts)
        {
            var rows = await store.ReadAsync(account, 1, int.MaxValue);
            var written = won.SelectMany(groups => groups).Where(group => group.Account == account).OrderBy(group => group.Expected.Sequence).ToArray();
            Assert.Equal(Enumerable.Range(1, rows.Count).Select(number => (long)number), rows.Select(row => row.Sequence));
            Assert.Equal(
                written.SelectMany(group => group.Rows).Select(row => Convert.ToHexString(row.Facts.Span)),
                rows.Select(row => Convert.ToHexString(row.Facts.Span)));
            Assert.Equal(written.Select(group => group.Expected), written.Select(group => group.Next).Prepend(LedgerHead.Empty(account)).SkipLast(1));
        }

        Assert.All(won, groups => Assert.NotEmpty(groups));
    }

    [Fact]
    public async Task Writers_that_know_an_account_and_writers_that_take_it_for_new_lock_in_one_order()
    {
        var (older, newer) = (new LedgerWriting("b-older"), new LedgerWriting("a-newer"));
        AppendGroup[] late, early;
        await using (var knowing = database.OpenLedger())
        await using (var behind = database.OpenLedger())
        {
            await knowing.AppendAsync([older.Next(), newer.Next()]);
            late = [older.Rival(seed: 2).Next(), new LedgerWriting("a-newer", seed: 2).Next()];
            early = [older.Next(), newer.Next()];
            Task[] appends;
            await using (await LockAsync("b-older"))
            {
                // Both wait for the older account. Were it before the newer one in the first writer's order, each would then hold what the other wants.
                appends = [behind.AppendAsync(late).AsTask(), Task.CompletedTask];
                await WaitForWaitingAsync(1);
                appends[1] = knowing.AppendAsync(early).AsTask();
                await WaitForWaitingAsync(2);
            }

            await Task.WhenAll(appends);
        }

        Assert.Equal([AppendResult.Appended, AppendResult.HeadMismatch], late.Select(group => group.Result));
        Assert.Equal([AppendResult.HeadMismatch, AppendResult.Appended], early.Select(group => group.Result));
        Assert.Equal(0, await DeadlocksAsync());
    }

    [Fact]
    public async Task Writers_that_open_the_same_accounts_at_once_never_lock_each_other_out()
    {
        const int Rounds = 200;
        var writers = Enumerable.Range(1, 3).Select(seed => new Opener(database.OpenLedger(), seed)).ToArray();
        for (var round = 0; round < Rounds; round++)
        {
            await Task.WhenAll(writers.Select(writer => Task.Run(() => writer.AppendAsync(round))));
        }

        foreach (var writer in writers)
        {
            await writer.Store.DisposeAsync();
        }

        Assert.All(writers, writer => Assert.NotEqual(0, writer.Opened));
        Assert.Equal((long)writers.Sum(writer => writer.Opened), await database.ExecuteAsync("SELECT count(*) FROM metering.heads"));
        Assert.Equal(0, await DeadlocksAsync());
    }

    [Fact]
    public async Task A_snapshot_of_one_process_does_not_replace_a_newer_one_of_another()
    {
        await using var store = database.OpenLedger();
        await using var other = database.OpenLedger();
        var ledger = new LedgerWriting("account");
        var heads = new List<LedgerHead>();
        for (var commit = 0; commit < 3; commit++)
        {
            await store.AppendAsync([ledger.Next()]);
            heads.Add(ledger.Head);
        }

        await other.SaveSnapshotAsync(ledger.Account, new(heads[1], 1, new byte[] { 2 }));
        await store.SaveSnapshotAsync(ledger.Account, new(heads[2], 1, new byte[] { 3 }));
        await other.SaveSnapshotAsync(ledger.Account, new(heads[0], 1, new byte[] { 1 }));
        Assert.Equal([3L, 2L], (await other.ReadSnapshotsAsync(ledger.Account)).Select(snapshot => snapshot.Head.Sequence));
    }

    [Fact]
    public async Task Every_process_may_be_the_first_on_an_empty_database()
    {
        await using var empty = await Databases.CreateEmptyAsync();
        var stores = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => empty.OpenLedger())));
        foreach (var store in stores)
        {
            await store.DisposeAsync();
        }

        Assert.Equal((long)PostgreSqlSchema.Ledger.Version, await empty.ExecuteAsync("SELECT count(*) FROM metering.schema_version"));
    }

    [Fact]
    public async Task Keys_are_found_in_segments_as_beside_the_pages()
    {
        await using var store = database.OpenLedger();
        var ledger = new LedgerWriting("long");
        UInt128 twice = new(3, 4);
        await store.AppendAsync([ledger.Next([true], twice)]);
        await store.AppendAsync([ledger.Next([false, true], twice)]);
        for (var commit = 0; commit < 10; commit++)
        {
            await store.AppendAsync([ledger.Next(7_000)]);
        }

        UInt128 first = ledger.Rows[3].Key!.Value;
        Assert.Equal(4, await store.FindKeyAsync(ledger.Account, first));
        while (await database.ExecuteAsync("SELECT count(*) FROM metering.key_segments") is not 2L)
        {
            // The first look-up has them gathered behind it.
        }

        Assert.Equal(3, await store.FindKeyAsync(ledger.Account, twice));
        Assert.Equal(0, await store.FindKeyAsync(ledger.Account, new UInt128(4, 3)));
        foreach (var index in (int[])[3, 4, 20_000, 32_766, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, ledger.Rows.Count - 1])
        {
            Assert.Equal(ledger.Rows[index].Sequence, await store.FindKeyAsync(ledger.Account, ledger.Rows[index].Key!.Value));
        }

        var before = ledger.Rows[100].Key!.Value;
        await store.AppendAsync([ledger.Next([true], before)]);
        Assert.Equal(ledger.Head.Sequence, await store.FindKeyAsync(ledger.Account, before));
    }

    /// <summary>Holds an account's head until it is disposed of.</summary>
    private async Task<NpgsqlConnection> LockAsync(string account)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database.ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"BEGIN; SELECT FROM metering.heads WHERE account = '{account}' FOR UPDATE", connection);
        await command.ExecuteNonQueryAsync();
        return connection;
    }

    private async Task WaitForWaitingAsync(long appends)
    {
        while ((long)(await database.ExecuteAsync(
            $"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database.Name}' AND query LIKE '%metering.append%' AND wait_event_type = 'Lock'"))! < appends)
        {
            // Nobody tells; it takes as long as the server takes.
        }
    }

    /// <summary>How many deadlocks the server resolved in this database. Sessions report theirs when they end.</summary>
    private async Task<long> DeadlocksAsync()
    {
        while (await database.Server.ExecuteAsync(null, $"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database.Name}'") is not 0L)
        {
            // They end when they find that their clients have gone.
        }

        return (long)(await database.Server.ExecuteAsync(null, $"SELECT deadlocks FROM pg_stat_database WHERE datname = '{database.Name}'"))!;
    }

    /// <summary>Appends to random accounts until it has won a number of times, from what it last saw of them; returns what it won.</summary>
    private async Task<List<AppendGroup>> RaceAsync(AccountId[] accounts, int seed)
    {
        await using var store = database.OpenLedger();
        var (random, won) = (new Random(seed), new List<AppendGroup>());
        while (won.Count < 200)
        {
            var batch = new List<AppendGroup>();
            foreach (var account in random.GetItems(accounts, 4).Distinct())
            {
                var (head, transactions) = await store.ReadHeadAsync(account);
                batch.Add(new LedgerWriting(account.Value, random.Next()) { Head = head, Transactions = transactions }.Next(random.Next(1, 100)));
            }

            await store.AppendAsync(batch);
            won.AddRange(batch.Where(group => group.Result == AppendResult.Appended));
        }

        return won;
    }

    /// <summary>A writer that opens accounts and goes on with those it knows; what others opened meanwhile it takes for new until it lost.</summary>
    private sealed class Opener(PostgreSqlLedgerStore store, int seed)
    {
        private readonly Random random = new(seed);
        private readonly Dictionary<string, LedgerWriting> known = [];

        public PostgreSqlLedgerStore Store => store;

        public int Opened { get; private set; }

        public async Task AppendAsync(int round)
        {
            var names = Enumerable.Range(0, 8).Select(_ => $"account-{(round / 4) + random.Next(12)}").Distinct();
            var batch = names.Select(name => (known.TryGetValue(name, out var ledger) ? ledger : known[name] = new(name, random.Next())).Next()).ToArray();
            await store.AppendAsync(batch);
            Opened += batch.Count(group => group is { Result: AppendResult.Appended, Expected.Sequence: 0 });
            foreach (var lost in batch.Where(group => group.Result != AppendResult.Appended))
            {
                var (head, transactions) = await store.ReadHeadAsync(lost.Account);
                known[lost.Account.Value] = new(lost.Account.Value, random.Next()) { Head = head, Transactions = transactions };
            }
        }
    }
}
