using Xunit;
using Xunit.Abstractions;

namespace Metering.Proof.Tests;

/// <summary>The real server, killed in the middle of its work.</summary>
public sealed class CrashTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_killed_server_has_lost_nothing_acknowledged_and_doubled_nothing()
    {
        using var folder = await DataFolder.CreateAsync();
        var (random, books) = (new Random(Scale.Seed), new Books(folder.Keys));
        var source = new OperationSource(Scale.Seed, DataFolder.Accounts);
        var kills = 0;
        for (; kills < Scale.Crashes; kills++)
        {
            using var server = await ServerProcess.StartAsync(folder.Path);
            await CheckAsync(server, folder, books, random);
            books.Add(await Load.RunUntilKilledAsync(server, folder.Keys, source, random.Next(20, 600), TimeSpan.FromMilliseconds(random.NextDouble() * 30)));
        }

        using (var server = await ServerProcess.StartAsync(folder.Path))
        {
            await CheckAsync(server, folder, books, random);
            await server.KillAsync();
        }

        var (exitCode, said) = await ServerProcess.VerifyAsync(folder.Path);
        output.WriteLine($"Proof: crashes, seed {Scale.Seed}: {kills} kills, {books}. {said.ReplaceLineEndings(" ")}");
        Assert.Equal((0, 0, 0), (books.Lost, books.Doubled, exitCode));
        Assert.Equal(books.Sent, books.Acknowledged);
    }

    private static async Task CheckAsync(ServerProcess server, DataFolder folder, Books books, Random random)
    {
        Assert.False(server.HasExited, server.Errors);
        using var caller = new Caller(server, folder.Keys);
        await books.CompareAsync(caller);
        await books.RetryAsync(caller, random);
        await books.CompareAsync(caller);
    }
}
