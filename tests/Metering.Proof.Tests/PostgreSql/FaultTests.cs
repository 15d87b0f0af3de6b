using System.Globalization;
using Xunit;
using Xunit.Abstractions;

namespace Metering.Proof.Tests;

/// <summary>Real servers on a real PostgreSQL, with one or the other killed or cut off in the middle of its work.</summary>
public sealed class FaultTests(ITestOutputHelper output)
{
    [PostgreSqlFact]
    public Task A_killed_server_has_lost_nothing_and_another_goes_on() => ProveAsync("a server killed", async (fleet, run) =>
    {
        await fleet.ReplaceServerAsync(run.Random.Next(fleet.Count));
        return 1;
    });

    [PostgreSqlFact]
    public Task Servers_outlive_a_killed_database_and_go_on_when_it_is_back() => ProveAsync("PostgreSQL killed", KillDatabaseAsync);

    [PostgreSqlFact]
    public Task Commits_whose_connection_is_cut_are_found_out() => ProveAsync("backends terminated within commits", TerminateAsync);

    [PoolerFact]
    public Task Servers_behind_a_pooler_outlive_a_killed_database() => ProveAsync("PostgreSQL killed behind a pooler", KillDatabaseAsync, isBehindPooler: true);

    [PoolerFact]
    public Task Commits_behind_a_pooler_whose_connection_is_cut_are_found_out() =>
        ProveAsync("backends terminated within commits behind a pooler", TerminateAsync, isBehindPooler: true);

    private static async Task<int> KillDatabaseAsync(Fleet fleet, FaultRun run)
    {
        await fleet.Postgres.KillAsync();
        await fleet.Postgres.StartAgainAsync();
        return 1;
    }

    private static async Task<int> TerminateAsync(Fleet fleet, FaultRun run)
    {
        // Now and then all connections of all servers, else those that commit at this moment.
        var which = run.Random.Next(4) == 0 ? "true" : "state = 'active' AND query LIKE '%metering.append%'";
        var sql = $"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{fleet.Database}' AND pid <> pg_backend_pid() AND {which}";
        for (var attempt = 0; attempt < 1_000; attempt++)
        {
            if (Convert.ToInt32(await fleet.Postgres.ExecuteAsync(null, sql), CultureInfo.InvariantCulture) is > 0 and var ended)
            {
                return ended;
            }
        }

        throw new InvalidOperationException("No commit was caught.");
    }

    private async Task ProveAsync(string fault, Func<Fleet, FaultRun, Task<int>> strike, bool isBehindPooler = false)
    {
        using var fleet = isBehindPooler ? await Fleet.StartBehindPoolerAsync() : await Fleet.StartAsync();
        var source = new OperationSource(Scale.Seed, fleet.Keys.Count);
        var run = new FaultRun(fleet, source.Next);
        var faults = 0;
        await run.SpendAsync(async () =>
        {
            for (var round = 0; round < Scale.PostgreSqlFaults; round++)
            {
                await run.Acknowledged.WaitForAsync(run.Random.Next(20, 300));
                faults += await strike(fleet, run);
            }

            // They are served again after the last of them.
            await run.Acknowledged.WaitForAsync(100);
        });
        output.WriteLine(await run.ConcludeAsync(fault, faults));
        Assert.Equal((0, 0), (run.Books.Lost, run.Books.Doubled));
        Assert.Equal(run.Books.Sent, run.Books.Acknowledged);
    }
}
