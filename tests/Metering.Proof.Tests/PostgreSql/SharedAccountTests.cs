using System.Globalization;
using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;
using Xunit.Abstractions;

namespace Metering.Proof.Tests;

/// <summary>Two real servers that spend the same account: both at once, one of them asleep, and with clocks an hour apart.</summary>
public sealed class SharedAccountTests(ITestOutputHelper output)
{
    private const int Asleep = 0;
    private const int Awake = 1;

    private int made;

    [PostgreSqlFact]
    public async Task Two_servers_on_one_hot_account_never_spend_a_credit_twice()
    {
        using var fleet = await Fleet.StartAsync(accounts: 1, credits: Scale.PostgreSqlFaults * 250);
        var credits = await fleet.Caller(0).RefreshAsync(0);
        var run = new FaultRun(fleet, () => Deduction(1));
        await run.SpendAsync(() => run.Refused.WaitForAsync(100));
        var line = await run.ConcludeAsync("two servers on one hot account", 0);
        output.WriteLine($"{line} {credits} credits, {run.Books.Acknowledged} of them spent, {run.Books.Refused} calls refused for want of credits.");
        Assert.Equal((0, 0), (run.Books.Lost, run.Books.Doubled));
        Assert.Equal(credits, run.Books.Acknowledged);
        Assert.Equal(run.Books.Sent, run.Books.Acknowledged + run.Books.Refused);
        for (var server = 0; server < fleet.Count; server++)
        {
            Assert.Equal(0, await fleet.Caller(server).RefreshAsync(0));
        }
    }

    [PostgreSqlFact]
    public async Task A_server_that_wakes_up_stale_answers_from_the_ledger()
    {
        using var fleet = await Fleet.StartAsync(accounts: 2, credits: 1_000);
        var run = new FaultRun(fleet, () => Deduction(0.001m, account: 1));
        var (spent, waiting) = (0, 0);
        await run.SpendAsync(async () =>
        {
            await run.Acknowledged.WaitForAsync(100);
            (spent, waiting) = await SleepAsync(fleet, run.Books);
        });
        var line = await run.ConcludeAsync($"a server stopped for {Scale.StoppedFor.TotalSeconds} s", 1);
        output.WriteLine($"{line} {spent} calls through the other meanwhile, {waiting} that waited were answered from the ledger.");
        Assert.Equal((0, 0), (run.Books.Lost, run.Books.Doubled));
        Assert.Equal(run.Books.Sent, run.Books.Acknowledged + run.Books.Refused);
    }

    [PostgreSqlNativeFact]
    public async Task Servers_whose_clocks_are_an_hour_apart_spend_as_one()
    {
        using var folder = DataFolder.Empty();
        NativeLibrary.Compile("clock.c", folder.File("clock.so"));
        using var fleet = await Fleet.StartAsync(environment: new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = folder.File("clock.so"),
            ["METERING_CLOCK_AHEAD"] = "3600",
        });
        var source = new OperationSource(Scale.Seed, fleet.Keys.Count);
        var run = new FaultRun(fleet, source.Next);
        await run.SpendAsync(() => run.Acknowledged.WaitForAsync(Scale.PostgreSqlFaults * 100));
        output.WriteLine(await run.ConcludeAsync("clocks an hour apart", 1));
        Assert.Equal((0, 0), (run.Books.Lost, run.Books.Doubled));
        Assert.Equal(run.Books.Sent, run.Books.Acknowledged);
        var latest = (await fleet.Caller(0).ReadRowsAsync(0)).Max(row => row.AppliedAt);
        Assert.True(latest - TimeProvider.System.GetUtcNow() > TimeSpan.FromMinutes(50), $"No clock was ahead: {latest}");
    }

    /// <summary>
    /// The server to sleep has seen an account with a thousand credits or more. While it is stopped, the other leaves 4 of them, and 20 come back.
    /// </summary>
    private async Task<(int Spent, int Waiting)> SleepAsync(Fleet fleet, Books books)
    {
        var (first, large) = (Deduction(10), Deduction(await fleet.Caller(Asleep).RefreshAsync(0) - 15));
        Assert.Equal(200, (await fleet.Caller(Asleep).SendAsync(first)).Status);
        await fleet.Server(Asleep).StopAsync();
        var slept = Task.Delay(Scale.StoppedFor, TimeProvider.System);
        Operation[] spent = [large, .. Enumerable.Range(0, 10).Select(_ => Deduction(0.1m))];
        foreach (var operation in spent)
        {
            Assert.Equal(200, (await Fleet.SendUntilDecidedAsync(fleet.Caller(Awake), operation)).Status);
        }

        await GiveBackAsync(fleet, large, 20);

        // They wait in the sleeping server's sockets: too much, possible, decided elsewhere, known to it, and a look at the balance.
        var (tooMuch, possible) = (Deduction(900), Deduction(1));
        var replies = Task.WhenAll(new[] { tooMuch, possible, large, first }.Select(fleet.Caller(Asleep).SendAsync));
        var balance = fleet.Caller(Asleep).ReadCreditsAsync(0);
        await slept;
        Assert.False(replies.IsCompleted || balance.IsCompleted, "The server should have been asleep.");
        await fleet.Server(Asleep).ContinueAsync();
        var told = await replies;
        books.Add([first, .. spent, tooMuch, possible]);
        Assert.True(told[0].Status == 402, $"{told[0]}");
        Assert.True(told[1].Status == 200, $"{told[1]}");
        Assert.True(told[2] is { Status: 200, IsReplay: true } && told[2].Body == large.Answer, $"{told[2]}");
        Assert.True(told[3] is { Status: 200, IsReplay: true } && told[3].Body == first.Answer, $"{told[3]}");

        // 5 - 10 * 0.1 + 20, and perhaps less the possible one already.
        Assert.True(await balance is 24 or 23, $"{await balance}");
        Assert.Equal(23, await fleet.Caller(Asleep).RefreshAsync(0));
        return (spent.Length + 1, told.Length + 1);
    }

    /// <summary>A refund by a third process: this one.</summary>
    private static async Task GiveBackAsync(Fleet fleet, Operation operation, int credits)
    {
        var services = new ServiceCollection().AddLogging();
        services.AddCreditMetering(options => options.UsePostgreSql($"{fleet.Connection};Pooling=false"));
        await using var provider = services.BuildServiceProvider();
        Assert.True(TransactionId.TryParse(operation.AcknowledgedRows().Single().Id, out var id));
        var outcome = await provider.GetRequiredService<ICreditMeter>().RefundAsync(
            ProofAccounts.Id(operation.Account), new() { TransactionId = id, Amount = Credits.Of(credits) });
        Assert.Null(outcome.Refusal);
    }

    private Operation Deduction(decimal amount, int account = 0)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"op-{Interlocked.Increment(ref made)}");
        return new()
        {
            Account = account,
            Path = "/v1/credits/deduct",
            Body = string.Create(CultureInfo.InvariantCulture, $$"""{"amount": {{amount}}, "reference": "{{name}}"}"""),
            Key = name,
            References = [name],
        };
    }
}
