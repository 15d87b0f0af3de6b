using Metering.PostgreSql.Testing;
using Xunit;

namespace Metering.Cli.Tests;

/// <summary><c>metering migrate --orleans</c>: a cluster's tables beside the ledger.</summary>
public sealed class OrleansMigrationTests : IDisposable
{
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Remove();

    [PostgreSqlFact]
    public async Task It_makes_both_schemas_and_then_has_nothing_to_do()
    {
        await using var server = await PostgreSqlServer.StartAsync();
        var database = await server.CreateDatabaseAsync();
        var made = (await ToolRun.OfAsync("migrate", "--orleans", "--store", server.ConnectionString(database))).IsDone();
        Assert.Matches($@"^PostgreSQL at .*, database {database}: made, schema \d+\.\nOrleans' tables in PostgreSQL at .*: made, schema 1\.\n$", made.Output);

        var again = (await ToolRun.OfAsync("migrate", "--orleans", "--store", server.ConnectionString(database))).IsDone();
        Assert.Equal(2, again.Output.Split("is this build's; nothing to do.\n").Length - 1);
        Assert.Equal(20L, await server.ExecuteAsync(database, "SELECT count(*) FROM OrleansQuery"));
        await server.DropDatabaseAsync(database);
    }

    [Fact]
    public async Task A_file_is_no_place_for_it()
    {
        await TestData.FillAsync(folder.File("data"));
        (await ToolRun.OfAsync("migrate", "--orleans", "--store", folder.File("data"))).IsOneSentence(ExitCode.CannotRun, "--orleans needs a PostgreSQL database");
    }
}

/// <summary>A test that needs a PostgreSQL; where there is none, it is skipped with a word.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PostgreSqlFactAttribute : FactAttribute
{
    public PostgreSqlFactAttribute() => Skip = PostgreSqlServer.WhyNot;
}
