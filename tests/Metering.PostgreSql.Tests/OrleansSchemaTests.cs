using Metering.Cli.Tests;
using Metering.Engine;
using Npgsql;
using Xunit;

namespace Metering.PostgreSql.Tests;

/// <summary>The tables of a cluster's silos: made once, whoever asks how often, and every way in which they can be wrong is one sentence.</summary>
public sealed class OrleansSchemaTests : IAsyncLifetime
{
    /// <summary>What the AdoNet providers of Orleans 10 ask for, by the names in their sources.</summary>
    private static readonly string[] Keys =
    [
        "CleanupDefunctSiloEntriesKey", "ClearStorageKey", "DeleteMembershipTableEntriesKey", "DeleteReminderRowKey", "DeleteReminderRowsKey", "DeleteStorageKey",
        "GatewaysQueryKey", "InsertMembershipKey", "InsertMembershipVersionKey", "MembershipReadAllKey", "MembershipReadRowKey", "ReadFromStorageKey",
        "ReadRangeRows1Key", "ReadRangeRows2Key", "ReadReminderRowKey", "ReadReminderRowsKey", "UpdateIAmAlivetimeKey", "UpdateMembershipKey",
        "UpsertReminderRowKey", "WriteToStorageKey",
    ];

    private Database database = null!;

    public async Task InitializeAsync() => database = await Databases.CreateEmptyAsync();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task It_is_made_once_beside_the_ledger_or_without_it()
    {
        Assert.Equal((0, 1), PostgreSqlMigration.RunOrleans(database.ConnectionString));
        Assert.Equal((1, 1), PostgreSqlMigration.RunOrleans(database.ConnectionString));
        Assert.Equal(false, await database.ExecuteAsync("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'metering')"));

        await database.OpenLedger().DisposeAsync();
        PostgreSqlMigration.RequireOrleans(database.ConnectionString);
        Assert.Equal(1L, await database.ExecuteAsync("SELECT count(*) FROM orleans.schema_version"));
    }

    [Fact]
    public async Task The_tool_makes_both_schemas_and_then_has_nothing_to_do()
    {
        var made = (await ToolRun.OfAsync("migrate", "--orleans", "--store", database.ConnectionString)).IsDone();
        Assert.Matches($@"^PostgreSQL at .*, database {database.Name}: made, schema \d+\.\nOrleans' tables in PostgreSQL at .*: made, schema 1\.\n$", made.Output);
        var again = (await ToolRun.OfAsync("migrate", "--orleans", "--store", database.ConnectionString)).IsDone();
        Assert.Equal(2, again.Output.Split("is this build's; nothing to do.\n").Length - 1);
        PostgreSqlMigration.RequireOrleans(database.ConnectionString);
    }

    [Fact]
    public async Task Of_several_processes_one_makes_it()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => PostgreSqlMigration.RunOrleans(database.ConnectionString))));
        Assert.Equal([0, 1, 1, 1], made.Select(result => result.Before).Order());
    }

    [Fact]
    public async Task It_has_every_query_that_the_providers_ask_for()
    {
        PostgreSqlMigration.RunOrleans(database.ConnectionString);
        Assert.Equal(Keys, (string[]?)await database.ExecuteAsync("SELECT array_agg(QueryKey ORDER BY QueryKey) FROM OrleansQuery"));
    }

    [Fact]
    public async Task What_is_missing_names_the_command()
    {
        Refused(() => PostgreSqlMigration.RequireOrleans(database.ConnectionString), "has no schema orleans", "run metering migrate --orleans.");
        Assert.Equal(false, await database.ExecuteAsync("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'orleans')"));
    }

    [Fact]
    public async Task A_newer_schema_is_refused()
    {
        PostgreSqlMigration.RunOrleans(database.ConnectionString);
        await database.ExecuteAsync("INSERT INTO orleans.schema_version (version) VALUES (99)");
        const string Sentence = "The schema orleans in";
        Refused(() => PostgreSqlMigration.RunOrleans(database.ConnectionString), Sentence, "schema 99; this build knows 1", "Start the newer version.");
        Refused(() => PostgreSqlMigration.RequireOrleans(database.ConnectionString), Sentence, "Start the newer version.");
    }

    [Fact]
    public async Task Tables_of_another_application_are_left_alone()
    {
        await database.ExecuteAsync("CREATE TABLE public.OrleansQuery (QueryKey varchar(64), QueryText varchar(8000))");
        Refused(() => PostgreSqlMigration.RunOrleans(database.ConnectionString), "has tables of Orleans that something else made", "Metering:Cluster:Connection");
        Assert.Equal(false, await database.ExecuteAsync("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'orleans')"));
    }

    [Fact]
    public async Task Queries_of_another_schema_on_the_way_are_refused()
    {
        PostgreSqlMigration.RunOrleans(database.ConnectionString);
        await database.ExecuteAsync("CREATE SCHEMA postgres; CREATE TABLE postgres.OrleansQuery (QueryKey text, QueryText text)");
        Refused(() => PostgreSqlMigration.RequireOrleans(database.ConnectionString), "is not the one of metering migrate --orleans", "search path");
    }

    [Fact]
    public async Task Rights_that_are_missing_are_named_and_the_grants_suffice()
    {
        await database.ExecuteAsync("DO $$ BEGIN CREATE ROLE silo LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
        var silo = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Username = "silo" }.ConnectionString;
        Refused(() => PostgreSqlMigration.RunOrleans(silo), "has no schema orleans", "may not change it", "GRANT CREATE ON DATABASE", "GRANT CREATE ON SCHEMA public");

        PostgreSqlMigration.RunOrleans(database.ConnectionString);
        Refused(() => PostgreSqlMigration.RequireOrleans(silo), "User \"silo\" has no rights", "the schema orleans");
        await database.ExecuteAsync("GRANT USAGE ON SCHEMA orleans TO silo; GRANT SELECT ON ALL TABLES IN SCHEMA orleans TO silo");
        Refused(() => PostgreSqlMigration.RequireOrleans(silo), "may not write", "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA orleans TO silo");
        await database.ExecuteAsync("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA orleans TO silo");
        PostgreSqlMigration.RequireOrleans(silo);
    }

    private static void Refused(Action action, params string[] says)
    {
        var refused = Assert.Throws<MeteringStartupException>(action);
        Assert.All(says, part => Assert.Contains(part, refused.Message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', refused.Message);
        Assert.EndsWith(".", refused.Message, StringComparison.Ordinal);
    }
}
