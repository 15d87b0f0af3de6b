using Metering.Conformance;
using Metering.Engine;
using Metering.PostgreSql.Testing;
using Xunit;

namespace Metering.PostgreSql.Tests;

/// <summary>What a server that cannot serve means for callers: nothing written, and service again once it can.</summary>
public sealed class FailureTests : IAsyncLifetime
{
    private readonly LedgerWriting ledger = new("account");
    private Database database = null!;
    private PostgreSqlLedgerStore store = null!;

    public async Task InitializeAsync()
    {
        database = await Databases.CreateAsync();
        store = database.OpenLedger();
        await store.AppendAsync([ledger.Next()]);
    }

    public async Task DisposeAsync()
    {
        await store.DisposeAsync();
        await database.DisposeAsync();
    }

    [Theory]
    [InlineData("53100", typeof(LedgerUnavailableException))] // disk full
    [InlineData("53200", typeof(LedgerUnavailableException))] // out of memory
    [InlineData("55P03", typeof(LedgerUnavailableException))] // lock not available
    [InlineData("57014", typeof(LedgerUnavailableException))] // canceled
    [InlineData("58030", typeof(LedgerUnavailableException))] // I/O error
    [InlineData("42501", typeof(LedgerUnavailableException))] // no rights
    [InlineData("40P01", typeof(LedgerUnavailableException))] // deadlock, again and again
    [InlineData("XX000", typeof(LedgerUnavailableException))]
    [InlineData("08P01", typeof(LedgerOutcomeUnknownException))] // a pooler's words for a server that it lost
    [InlineData("22021", typeof(LedgerContentException))]
    [InlineData("23514", typeof(LedgerContentException))]
    [InlineData("54000", typeof(LedgerContentException))]
    public async Task A_statement_that_fails_wrote_nothing(string sqlState, Type expected)
    {
        await FailAsync("BEFORE INSERT ON metering.pages FOR EACH STATEMENT", "TRIGGER", sqlState);
        await NothingIsWrittenAsync(expected);
    }

    [Fact]
    public async Task A_transaction_that_fails_as_it_commits_wrote_nothing()
    {
        // The answer to the statement is on its way by then; only the one behind it counts.
        await FailAsync("AFTER UPDATE ON metering.heads DEFERRABLE INITIALLY DEFERRED FOR EACH ROW", "CONSTRAINT TRIGGER", "53100");
        await NothingIsWrittenAsync(typeof(LedgerUnavailableException));
    }

    [Fact]
    public async Task A_passing_deadlock_is_unseen()
    {
        await database.ExecuteAsync(
            """
            CREATE SEQUENCE public.tries;
            CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF nextval('public.tries') < 3 THEN RAISE EXCEPTION 'planted' USING ERRCODE = '40P01'; END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER planted AFTER INSERT ON metering.pages FOR EACH STATEMENT EXECUTE FUNCTION public.fail();
            """);
        var group = ledger.Next();
        await store.AppendAsync([group]);
        Assert.Equal(AppendResult.Appended, group.Result);
    }

    [Fact]
    public async Task A_database_that_is_set_to_read_only_refuses_and_serves_again()
    {
        await SetReadOnlyAsync("on");
        Assert.False(await store.IsHealthyAsync());

        // The first append may find the connection of before.
        var group = ledger.Next();
        await Assert.ThrowsAnyAsync<Exception>(async () => await store.AppendAsync([group]));
        await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await store.AppendAsync([group]));
        Assert.Equal(0, (await store.ReadHeadAsync(new("nobody"))).Head.Sequence);
        await SetReadOnlyAsync("off");
        Assert.True(await store.IsHealthyAsync());
        Assert.Equal(1, (await store.ReadHeadAsync(ledger.Account)).Head.Sequence);
    }

    [Fact]
    public async Task A_server_that_stops_refuses_and_serves_again_once_it_runs()
    {
        await using var server = await PostgreSqlServer.StartAsync();
        if (!server.IsOwn)
        {
            return;
        }

        await using var mine = PostgreSqlLedgerStore.Open(server.ConnectionString(await server.CreateDatabaseAsync()));
        var group = ledger.Rival(seed: 1).Next();
        var first = new LedgerWriting("first").Next();
        await mine.AppendAsync([first]);
        await server.StopAsync();
        Assert.False(await mine.IsHealthyAsync());
        await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await mine.ReadHeadAsync(first.Account));

        // The first append may find a connection of before; what it says is final once the server runs.
        var refused = await Assert.ThrowsAnyAsync<Exception>(async () => await mine.AppendAsync([group]));
        Assert.True(refused is LedgerUnavailableException or LedgerOutcomeUnknownException, refused.ToString());
        await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await mine.AppendAsync([group]));

        await server.StartAgainAsync();
        Assert.Equal(first.Next, (await mine.ReadHeadAsync(first.Account)).Head);
        Assert.Equal(0, (await mine.ReadHeadAsync(group.Account)).Head.Sequence);
        await server.KillAsync();
        await server.StartAgainAsync();
        Assert.Equal(first.Next, (await mine.ReadHeadAsync(first.Account)).Head);
    }

    [Fact]
    public async Task Keys_are_found_on_the_first_try_after_the_server_ended_every_connection()
    {
        await using var directory = database.OpenDirectory();
        var key = new ApiKey
        {
            Id = "key_1", Account = new("account"), Name = "first", Hash = new byte[32], Display = "mtr_", Scopes = ApiKeyScopes.Read, CreatedAt = DateTimeOffset.UnixEpoch,
        };
        await directory.AddKeyAsync(key);
        await database.Server.ExecuteAsync(
            null, $"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database.Name}' AND pid <> pg_backend_pid()");
        Assert.Equal("key_1", (await directory.FindKeyAsync(key.Hash))?.Id);
    }

    [Fact]
    public async Task A_page_that_is_damaged_says_so()
    {
        await database.ExecuteAsync("UPDATE metering.pages SET facts = substr(facts, 1, length(facts) - 1)");
        await Assert.ThrowsAsync<Metering.Core.LedgerFormatException>(async () => await store.ReadAsync(ledger.Account, 1, 10));
        await database.ExecuteAsync("UPDATE metering.pages SET facts = '\\x07'");
        await Assert.ThrowsAsync<Metering.Core.LedgerFormatException>(async () => await store.ReadAsync(ledger.Account, 1, 10));
    }

    private async Task FailAsync(string when, string kind, string sqlState) => await database.ExecuteAsync(
        $"""
        CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted' USING ERRCODE = '{sqlState}'; END $$;
        CREATE {kind} planted {when} EXECUTE FUNCTION public.fail();
        """);

    private async Task NothingIsWrittenAsync(Type expected)
    {
        var (before, group) = (ledger.Head, ledger.Next());
        var refused = await Assert.ThrowsAnyAsync<Exception>(async () => await store.AppendAsync([group]));
        Assert.IsType(expected, refused);
        Assert.Equal(AppendResult.Pending, group.Result);
        Assert.Equal(before, (await store.ReadHeadAsync(ledger.Account)).Head);

        await database.ExecuteAsync("DROP FUNCTION public.fail() CASCADE");
        await store.AppendAsync([group]);
        Assert.Equal(AppendResult.Appended, group.Result);
    }

    private async Task SetReadOnlyAsync(string value) => await database.Server.ExecuteAsync(
        null,
        $"""
        ALTER DATABASE {database.Name} SET default_transaction_read_only = {value};
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database.Name}' AND pid <> pg_backend_pid()
        """);
}
