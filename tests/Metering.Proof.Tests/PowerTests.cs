using Xunit;
using Xunit.Abstractions;

namespace Metering.Proof.Tests;

/// <summary>
/// The real server on a disk that loses power. A kill alone proves nothing about syncing: the page cache outlives the process.
/// </summary>
public sealed class PowerTests(ITestOutputHelper output)
{
    // Operations of the disk in a first start, which makes both files and the demo account.
    private const int OperationsOfFirstStart = 150;

    // Operations of the disk in a start and a second or so of load: power may fail anywhere in them.
    private const int OperationsInReach = 4_000;

    [NativeFact]
    public async Task Losses_of_power_lose_nothing_acknowledged_and_double_nothing()
    {
        var (disk, books, cuts) = await RunAsync("Metering.Server.dll", Scale.PowerCuts);
        output.WriteLine($"Proof: power loss, seed {Scale.Seed}: {disk}; {books}.");
        Assert.Equal((0, 0), (books.Lost, books.Doubled));
        Assert.True(cuts >= Scale.PowerCuts);
    }

    [NativeFact]
    public async Task Commits_that_do_not_wait_for_the_disk_are_caught()
    {
        var (disk, books, _) = await RunAsync("Metering.Proof.Tests.dll", 10);
        output.WriteLine($"Proof: power loss with synchronous=NORMAL planted, seed {Scale.Seed}: {disk}; {books}.");
        Assert.True(books.Lost > 0, "Acknowledged operations should have been lost, and were not.");
    }

    [NativeFact]
    public async Task A_first_start_that_loses_power_anywhere_is_made_good_by_the_next()
    {
        var (random, cut) = (new Random(Scale.Seed), 0);
        for (var round = 0; round < Scale.PowerCuts; round++)
        {
            using var folder = DataFolder.Empty();
            using var disk = PowerDisk.Under(folder);
            disk.KillAt = random.Next(1, OperationsOfFirstStart);
            using (var first = await ServerProcess.StartAsync(folder.Path, disk.Variables))
            {
                cut += first.HasExited ? 1 : 0;
                await first.KillAsync();
            }

            disk.KillAt = 0;
            disk.Cut(random.Next(2) == 0 ? null : random);
            using var second = await ServerProcess.StartAsync(folder.Path, disk.Variables);
            Assert.False(second.HasExited, $"Seed {Scale.Seed}, round {round}: {second.Errors}");
            await second.KillAsync();
        }

        output.WriteLine($"Proof: power loss, seed {Scale.Seed}: {Scale.PowerCuts} first starts, {cut} of them cut off before they served; each was made good by the next start.");
    }

    [NativeFact]
    public async Task What_a_restarted_server_found_unsynced_and_told_a_caller_outlasts_a_loss_of_power()
    {
        using var folder = await DataFolder.CreateAsync();
        using var disk = PowerDisk.Under(folder);
        var operation = new Operation
        {
            Account = 0,
            Path = "/v1/credits/deduct",
            Body = """{"amount": 7, "reference": "op"}""",
            Key = "key",
            References = ["op"],
        };
        using (var server = await ServerProcess.StartAsync(folder.Path, disk.Variables))
        {
            using var caller = new Caller(server, folder.Keys);
            disk.KillsAtSync = true;
            Assert.Null((await caller.SendAsync(operation)).Status);
            await server.WaitForExitAsync();
            disk.KillsAtSync = false;
        }

        using (var server = await ServerProcess.StartAsync(folder.Path, disk.Variables))
        {
            using var caller = new Caller(server, folder.Keys);
            var reply = await caller.SendAsync(operation);
            Assert.True(reply is { Status: 200, IsReplay: true }, "The page cache outlived the process, and the restarted one should have found the decision in it.");
            await server.KillAsync();
        }

        disk.Cut(null);
        using (var server = await ServerProcess.StartAsync(folder.Path, disk.Variables))
        {
            using var caller = new Caller(server, folder.Keys);
            Assert.Contains(await caller.ReadRowsAsync(0), row => row.Reference == "op" && row.Amount == -7);
            await server.KillAsync();
        }
    }

    /// <summary>Loads a server, kills it and cuts the power, again and again; ends early where something was lost.</summary>
    private static async Task<(string Disk, Books Books, int Cuts)> RunAsync(string program, int wanted)
    {
        using var folder = await DataFolder.CreateAsync();
        using var disk = PowerDisk.Under(folder);
        var (random, books) = (new Random(Scale.Seed), new Books(folder.Keys));
        var source = new OperationSource(Scale.Seed, DataFolder.Accounts);
        var (cuts, forgotten) = (0, 0L);
        while (cuts < wanted && books.Lost == 0)
        {
            using (var server = await ServerProcess.StartAsync(folder.Path, disk.Variables, program))
            {
                Assert.False(server.HasExited, server.Errors);
                disk.KillAt = random.Next(3) == 0 ? 0 : disk.Operations + random.Next(1, OperationsInReach);
                books.Add(await Load.RunUntilKilledAsync(server, folder.Keys, source, random.Next(50, 300), TimeSpan.FromMilliseconds(random.NextDouble() * 30)));
                disk.KillAt = 0;
            }

            // Without a cut here, the next process finds what only the page cache knows. Once it has told anybody, that must last as well.
            if (random.Next(2) == 0)
            {
                forgotten += disk.Cut(random.Next(2) == 0 ? null : random);
                cuts++;
            }

            await CheckAsync(folder, disk, program, books, random);
            forgotten += disk.Cut(random.Next(2) == 0 ? null : random);
            cuts++;
            await CheckAsync(folder, disk, program, books, random);
        }

        Assert.True(disk.Syncs > 0, "No sync went through the library: it proves nothing.");
        return ($"{cuts} cuts, {disk.Writes} writes, {disk.Syncs} syncs, {forgotten} sectors forgotten", books, cuts);
    }

    /// <summary>After a start: all that was ever acknowledged is there, and retries find their answer.</summary>
    private static async Task CheckAsync(DataFolder folder, PowerDisk disk, string program, Books books, Random random)
    {
        if (books.Lost > 0)
        {
            return;
        }

        using var server = await ServerProcess.StartAsync(folder.Path, disk.Variables, program);
        Assert.False(server.HasExited, server.Errors);
        using var caller = new Caller(server, folder.Keys);
        await books.CompareAsync(caller);
        if (books.Lost == 0)
        {
            await books.RetryAsync(caller, random);
        }

        await server.KillAsync();
    }
}
