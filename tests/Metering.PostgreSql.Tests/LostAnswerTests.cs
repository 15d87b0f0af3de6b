using Metering.Conformance;
using Metering.Engine;
using Npgsql;
using Xunit;

namespace Metering.PostgreSql.Tests;

/// <summary>
/// Appends whose answer is lost. What is read afterwards must be final: an entry that lands later would charge a caller twice who was told
/// that it is not there.
/// </summary>
public sealed class LostAnswerTests : IAsyncLifetime
{
    private readonly LedgerWriting ledger = new("hot");
    private readonly LedgerWriting other = new("other");
    private Database database = null!;
    private CutProxy proxy = null!;
    private PostgreSqlLedgerStore store = null!;

    public async Task InitializeAsync()
    {
        database = await Databases.CreateAsync();
        proxy = CutProxy.Before(new NpgsqlConnectionStringBuilder(database.ConnectionString).Host!);
        store = PostgreSqlLedgerStore.Open(new NpgsqlConnectionStringBuilder(database.ConnectionString) { Host = proxy.Host }.ConnectionString);
        await store.AppendAsync([ledger.Next(), other.Next()]);
    }

    public async Task DisposeAsync()
    {
        await store.DisposeAsync();
        await proxy.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task A_commit_that_lands_after_its_connection_was_lost_is_waited_for()
    {
        await using var blocker = await BlockAsync();
        var append = store.AppendAsync([ledger.Next()]).AsTask();
        await WaitUntilAsync("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%metering.append%' AND wait_event_type = 'Lock'");
        proxy.Cut();
        await Assert.ThrowsAsync<LedgerOutcomeUnknownException>(() => append);

        // The backend still waits for the blocker, and will commit. Nobody hears of the account before it is known.
        var read = store.ReadHeadAsync(ledger.Account).AsTask();
        await WaitUntilAsync("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%retire_writer%' AND wait_event_type = 'Lock'");
        Assert.False(read.IsCompleted);

        // Other accounts go on meanwhile.
        await store.AppendAsync([other.Next()]);
        Assert.Equal(other.Head, (await store.ReadHeadAsync(other.Account)).Head);
        Assert.False(read.IsCompleted);

        await blocker.DisposeAsync();
        Assert.Equal(ledger.Head, (await read).Head);
        var next = ledger.Next();
        await store.AppendAsync([next]);
        Assert.Equal(AppendResult.Appended, next.Result);
    }

    [Fact]
    public async Task A_pooler_that_lost_the_server_does_not_know_either()
    {
        await using var blocker = await BlockAsync();
        var append = store.AppendAsync([ledger.Next()]).AsTask();
        await WaitUntilAsync("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%metering.append%' AND wait_event_type = 'Lock'");
        proxy.CutAsPooler();
        await Assert.ThrowsAsync<LedgerOutcomeUnknownException>(() => append);
        await blocker.DisposeAsync();
        Assert.Equal(ledger.Head, (await store.ReadHeadAsync(ledger.Account)).Head);
    }

    [Fact]
    public async Task An_append_that_reaches_the_server_after_its_account_was_read_writes_nothing()
    {
        var before = ledger.Head;
        proxy.Hold();
        var append = store.AppendAsync([ledger.Next(), new LedgerWriting("new").Next()]).AsTask();
        await proxy.HeldAsync();
        proxy.Cut();
        await Assert.ThrowsAsync<LedgerOutcomeUnknownException>(() => append);
        Assert.Equal(before, (await store.ReadHeadAsync(ledger.Account)).Head);
        Assert.Equal(0, (await store.ReadHeadAsync(new("new"))).Head.Sequence);

        await proxy.ReleaseAsync();
        Assert.Equal(before, (await store.ReadHeadAsync(ledger.Account)).Head);
        Assert.Equal(0, (await store.ReadHeadAsync(new("new"))).Head.Sequence);
        Assert.Equal(2L, await database.ExecuteAsync("SELECT count(*) FROM metering.pages"));
    }

    [Fact]
    public async Task An_append_of_the_account_waits_too_and_loses_where_the_lost_one_landed()
    {
        await using var blocker = await BlockAsync();
        var rival = ledger.Rival(seed: 2);
        var append = store.AppendAsync([ledger.Next()]).AsTask();
        await WaitUntilAsync("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%metering.append%' AND wait_event_type = 'Lock'");
        proxy.Cut();
        await Assert.ThrowsAsync<LedgerOutcomeUnknownException>(() => append);

        var again = rival.Next();
        var second = store.AppendAsync([again]).AsTask();
        await WaitUntilAsync("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%retire_writer%' AND wait_event_type = 'Lock'");
        await blocker.DisposeAsync();
        await second;
        Assert.Equal(AppendResult.HeadMismatch, again.Result);
        Assert.Equal(ledger.Head, (await store.ReadHeadAsync(ledger.Account)).Head);
    }

    [Fact]
    public async Task Another_process_can_wait_for_what_a_dead_one_sent()
    {
        await using var another = database.OpenLedger();
        await using var blocker = await BlockAsync();
        var append = store.AppendAsync([ledger.Next()]).AsTask();
        await WaitUntilAsync("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%metering.append%' AND wait_event_type = 'Lock'");
        proxy.Cut();
        await Assert.ThrowsAsync<LedgerOutcomeUnknownException>(() => append);
        var settled = another.SettleAsync().AsTask();
        await WaitUntilAsync("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%retire_writers%' AND wait_event_type = 'Lock'");
        Assert.False(settled.IsCompleted);
        await blocker.DisposeAsync();
        await settled;
        Assert.Equal(ledger.Head, (await another.ReadHeadAsync(ledger.Account)).Head);
    }

    [Fact]
    public async Task What_a_dead_process_sent_writes_nothing_once_another_has_waited_for_it_and_the_living_go_on()
    {
        await using var another = database.OpenLedger();
        await another.AppendAsync([new LedgerWriting("living").Next()]);
        var before = ledger.Head;
        proxy.Hold();
        var append = store.AppendAsync([ledger.Next()]).AsTask();
        await proxy.HeldAsync();
        proxy.Cut();
        await Assert.ThrowsAsync<LedgerOutcomeUnknownException>(() => append);
        await another.SettleAsync();
        await proxy.ReleaseAsync();
        await WaitUntilAsync("SELECT count(*) = 0 FROM pg_stat_activity WHERE query LIKE '%metering.append%' AND state = 'active' AND pid <> pg_backend_pid()");
        Assert.Equal(before, (await another.ReadHeadAsync(ledger.Account)).Head);

        var next = other.Next();
        await another.AppendAsync([next]);
        Assert.Equal(AppendResult.Appended, next.Result);
    }

    [Fact]
    public async Task A_backend_that_is_ended_in_the_middle_of_an_append_wrote_nothing()
    {
        var before = ledger.Head;
        await using var blocker = await BlockAsync();
        var group = ledger.Next();
        var append = store.AppendAsync([group]).AsTask();
        await WaitUntilAsync("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%metering.append%' AND wait_event_type = 'Lock'");
        await database.ExecuteAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%metering.append%' AND wait_event_type = 'Lock'");
        await Assert.ThrowsAsync<LedgerOutcomeUnknownException>(() => append);
        await blocker.DisposeAsync();
        Assert.Equal(before, (await store.ReadHeadAsync(ledger.Account)).Head);

        await store.AppendAsync([group]);
        Assert.Equal(AppendResult.Appended, group.Result);
    }

    [Fact]
    public async Task A_connection_that_was_ended_while_it_was_idle_harms_nobody()
    {
        await database.ExecuteAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database.Name}' AND pid <> pg_backend_pid()");
        var before = ledger.Head;
        Assert.Equal(before, (await store.ReadHeadAsync(ledger.Account)).Head);
        var group = ledger.Next();
        try
        {
            await store.AppendAsync([group]);
        }
        catch (LedgerOutcomeUnknownException)
        {
            // Whether the server read the append before it ended the connection only the ledger can tell.
            Assert.Equal(before, (await store.ReadHeadAsync(ledger.Account)).Head);
            await store.AppendAsync([group]);
        }

        Assert.Equal(AppendResult.Appended, group.Result);
    }

    [Fact]
    public async Task A_writer_that_somebody_removed_registers_again()
    {
        await database.ExecuteAsync("DELETE FROM metering.writers");
        var group = ledger.Next();
        await store.AppendAsync([group]);
        Assert.Equal(AppendResult.Appended, group.Result);
        Assert.Equal(1L, await database.ExecuteAsync("SELECT count(*) FROM metering.writers"));
    }

    [Fact]
    public async Task A_store_that_closes_leaves_no_writer_behind()
    {
        await store.DisposeAsync();
        Assert.Equal(0L, await database.ExecuteAsync("SELECT count(*) FROM metering.writers"));
    }

    /// <summary>Locks the account's head, as another process's append does.</summary>
    private async Task<NpgsqlConnection> BlockAsync()
    {
        var connection = new NpgsqlConnection(database.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"BEGIN; SELECT FROM metering.heads WHERE account = '{ledger.Account}' FOR UPDATE", connection);
        await command.ExecuteNonQueryAsync();
        return connection;
    }

    private async Task WaitUntilAsync(string condition)
    {
        while (await database.ExecuteAsync(condition) is not true)
        {
        }
    }
}
