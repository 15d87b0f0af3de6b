using Metering.Conformance;
using Metering.Engine;
using Metering.Engine.Tests;
using Metering.PostgreSql.Testing;
using Npgsql;
using Xunit;

namespace Metering.PostgreSql.Tests;

/// <summary>A class whose tests need a transaction pooler; where there is none, they are left out with a word.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class NeedsPoolerAttribute : Attribute;

/// <summary>The pooler of this assembly's tests, in front of their server.</summary>
internal static class Pooler
{
    private static readonly Lazy<Task<PgBouncer>> Started = new(async () => await PgBouncer.StartAsync(await Databases.ServerAsync()));

    /// <summary>The connection string of a database through the pooler.</summary>
    public static async Task<string> BeforeAsync(Database database) => (await Started.Value).Before(database.ConnectionString);
}

[NeedsPooler]
public sealed class PostgreSqlLedgerStoreBehindPoolerTests : DurableLedgerStoreConformance
{
    private Database database = null!;
    private string connection = null!;

    public override async Task InitializeAsync()
    {
        // Empty, so that the schema is made through the pooler too.
        database = await Databases.CreateEmptyAsync();
        connection = await Pooler.BeforeAsync(database);
        await base.InitializeAsync();
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await database.DisposeAsync();
    }

    protected override ValueTask<ILedgerStore> OpenAsync() => new(PostgreSqlLedgerStore.Open(connection));

    protected override ValueTask<ILedgerStore> ReopenAsync() => OpenAsync();

    [Fact]
    public async Task What_a_connection_string_says_of_prepared_statements_does_no_harm()
    {
        var settings = new NpgsqlConnectionStringBuilder(connection) { MaxAutoPrepare = 20, AutoPrepareMinUsages = 1, NoResetOnClose = false };
        await using var store = PostgreSqlLedgerStore.Open(settings.ConnectionString);
        var ledger = new LedgerWriting("prepared");
        for (var commit = 0; commit < 50; commit++)
        {
            await store.AppendAsync([ledger.Next()]);
            Assert.Equal(ledger.Head, (await store.ReadHeadAsync(ledger.Account)).Head);
        }
    }

    [Fact]
    public async Task A_pooler_for_single_statements_is_refused_naming_its_setting()
    {
        await using var pooler = await PgBouncer.StartAsync(await Databases.ServerAsync(), "statement");
        var refused = Assert.Throws<MeteringStartupException>(() => PostgreSqlLedgerStore.Open(pooler.Before(database.ConnectionString)));
        Assert.Contains("one statement only; set its pool_mode to transaction.", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Fact]
    public async Task A_backend_that_is_ended_in_the_middle_of_an_append_leaves_its_outcome_open()
    {
        var ledger = new LedgerWriting("cut");
        await Store.AppendAsync([ledger.Next()]);
        var (before, group) = (ledger.Head, ledger.Next());
        Task append;
        await using (var blocker = new NpgsqlConnection($"{database.ConnectionString};Pooling=false"))
        {
            await blocker.OpenAsync();
            await using var command = new NpgsqlCommand("BEGIN; SELECT FROM metering.heads WHERE account = 'cut' FOR UPDATE", blocker);
            await command.ExecuteNonQueryAsync();
            append = Store.AppendAsync([group]).AsTask();
            while (await database.ExecuteAsync(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%metering.append%' AND wait_event_type = 'Lock'") is not true)
            {
                // It has not come to the lock yet.
            }

            // The pooler tells of it in words of its own, which are not the server's and say nothing of the commit.
            await Assert.ThrowsAsync<LedgerOutcomeUnknownException>(() => append);
        }

        Assert.Equal(before, (await Store.ReadHeadAsync(ledger.Account)).Head);
        await Store.AppendAsync([group]);
        Assert.Equal(AppendResult.Appended, group.Result);
    }
}

[NeedsPooler]
public sealed class PostgreSqlDirectoryStoreBehindPoolerTests : DirectoryStoreConformance
{
    private Database database = null!;
    private string connection = null!;

    public override async Task InitializeAsync()
    {
        database = await Databases.CreateAsync();
        connection = await Pooler.BeforeAsync(database);
        await base.InitializeAsync();
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await database.DisposeAsync();
    }

    protected override ValueTask<IDirectoryStore> OpenAsync() => new(PostgreSqlDirectoryStore.Open(connection));
}

/// <summary>The embedded meter behind a pooler. The tests share a database: each has an account of its own.</summary>
[NeedsPooler]
public sealed class EmbeddedMeterBehindPoolerTests(EmbeddedMeterBehindPoolerTests.Shared shared)
    : CreditMeterConformance, IClassFixture<EmbeddedMeterBehindPoolerTests.Shared>
{
    protected override ValueTask<IMeterHost> StartHostAsync(ManualTimeProvider clock, Catalogue catalogue) =>
        new(new EmbeddedMeterHost(clock, catalogue, () => PostgreSqlLedgerStore.Open(shared.Connection)));

    public sealed class Shared : IAsyncLifetime
    {
        private Database? database;

        internal string Connection { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            // The fixture is made for tests that are left out too.
            if (PostgreSqlServer.WhyNot is null && PgBouncer.WhyNot is null)
            {
                database = await Databases.CreateAsync();
                Connection = await Pooler.BeforeAsync(database);
            }
        }

        public async Task DisposeAsync()
        {
            if (database is not null)
            {
                await database.DisposeAsync();
            }
        }
    }
}
