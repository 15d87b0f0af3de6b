using Metering.PostgreSql.Testing;
using Npgsql;
using Xunit;
using Xunit.Abstractions;

namespace Metering.Proof.Tests;

/// <summary>A test that needs a small disk for a PostgreSQL of its own; where it cannot be mounted, it is skipped with a word.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SmallDiskFactAttribute : FactAttribute
{
    public SmallDiskFactAttribute() => Skip = PostgreSqlServer.WhyNotOwn ?? PostgreSqlServer.WhyNoSmallDisk;
}

/// <summary>Real servers on a PostgreSQL whose tables are on a disk that fills up. Its journal (WAL) is elsewhere, as it should be.</summary>
public sealed class FullDiskTests(ITestOutputHelper output)
{
    private const string Database = "metering_small";

    // PostgreSQL's code for a full disk.
    private const string DiskFull = "53100";

    [SmallDiskFact]
    public async Task A_full_disk_is_503_that_changes_nothing_and_all_goes_on_when_there_is_room()
    {
        var folder = Directory.CreateTempSubdirectory("metering-disk-");
        try
        {
            await using var postgres = await PostgreSqlServer.StartAsync("-c fsync=on", folder.FullName);
            await MakeDatabaseAsync(postgres, folder.FullName);
            using var fleet = await Fleet.StartAsync(postgres, Database, DataFolder.Accounts, ProofAccounts.Plenty, [null, null]);
            await ProveAsync(fleet, $"{folder.FullName}/ballast");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private async Task ProveAsync(Fleet fleet, string ballast)
    {
        var source = new OperationSource(Scale.Seed, fleet.Keys.Count);
        var run = new FaultRun(fleet, source.Next);
        await run.SpendAsync(async () =>
        {
            for (var round = 0; round < Scale.PostgreSqlFaults; round++)
            {
                await run.Acknowledged.WaitForAsync(50);
                await FillAsync(fleet.Postgres, ballast);
                await run.Unavailable.WaitForAsync(20);

                // Reads go on, of what is in the ledger.
                Assert.All(Enumerable.Range(0, fleet.Count), server => Assert.False(fleet.Server(server).HasExited));
                Assert.True(await fleet.Caller(round % fleet.Count).RefreshAsync(0) > 0);
                await DropAsync(fleet.Postgres, ballast);
                await run.Acknowledged.WaitForAsync(50);
            }
        });
        output.WriteLine(await run.ConcludeAsync("a full disk", Scale.PostgreSqlFaults));
        Assert.Equal((0, 0), (run.Books.Lost, run.Books.Doubled));
        Assert.Equal(run.Books.Sent, run.Books.Acknowledged);
    }

    private static async Task MakeDatabaseAsync(PostgreSqlServer postgres, string disk)
    {
        await RunProgramAsync(postgres, $"mkdir -m 700 {disk}/tables");
        await postgres.ExecuteAsync(null, $"CREATE TABLESPACE small LOCATION '{disk}/tables'");
        await postgres.ExecuteAsync(null, $"CREATE DATABASE {Database} TEMPLATE template0 TABLESPACE small");
    }

    /// <summary>Writes a file until the disk is full. Only the server sees this disk, so it has to do it.</summary>
    private static async Task FillAsync(PostgreSqlServer postgres, string ballast)
    {
        var error = await Assert.ThrowsAsync<PostgresException>(() =>
            postgres.ExecuteAsync(null, $"COPY (SELECT repeat('x', 8000) FROM generate_series(1, 1000000)) TO '{ballast}'"));
        Assert.Equal(DiskFull, error.SqlState);
    }

    private static Task DropAsync(PostgreSqlServer postgres, string ballast) => RunProgramAsync(postgres, $"rm {ballast}");

    private static async Task RunProgramAsync(PostgreSqlServer postgres, string command) =>
        await postgres.ExecuteAsync(null, $"COPY (SELECT WHERE false) TO PROGRAM '{command}'");
}
