using System.Globalization;
using Xunit;

namespace Metering.Proof.Tests;

/// <summary>Callers that spend through all servers of a fleet, any request through any of them, while faults strike; and the account of it.</summary>
internal sealed class FaultRun(Fleet fleet, Func<Operation> next)
{
    private const int Callers = 16;

    private readonly Lock gate = new();
    private readonly List<Operation> sent = [];
    private readonly Dictionary<int, int> byServer = [];
    private readonly List<string> unexpected = [];
    private bool isOver;

    public Signal Acknowledged { get; } = new();

    /// <summary>Answers of 402.</summary>
    public Signal Refused { get; } = new();

    /// <summary>Answers of 503.</summary>
    public Signal Unavailable { get; } = new();

    /// <summary>What callers were told.</summary>
    public Books Books { get; } = new(fleet.Keys);

    /// <summary>What everything random of this run comes from, beside the load's threads.</summary>
    public Random Random { get; } = new(Scale.Seed);

    /// <summary>Acknowledgements by the server they came from.</summary>
    public IReadOnlyDictionary<int, int> ByServer => byServer;

    /// <summary>Spends while faults strike.</summary>
    /// <param name="strikes">Does harm, and waits in between.</param>
    public async Task SpendAsync(Func<Task> strikes)
    {
        var callers = Enumerable.Range(0, Callers).Select(number => Task.Run(() => CallAsync(new Random(Scale.Seed + number)))).ToArray();
        try
        {
            await strikes();
        }
        finally
        {
            Volatile.Write(ref isOver, true);
            await Task.WhenAll(callers);
        }

        Assert.Empty(unexpected);
        Books.Add(sent);
    }

    /// <summary>All that was told is in the ledger once, and stays so while every retry finds its answer; then tells it in a line.</summary>
    public async Task<string> ConcludeAsync(string fault, int faults)
    {
        await fleet.WaitUntilServingAsync();
        await ProbeAsync();

        // What a server reads is up to a second behind the others; what it reads anew is exact.
        await fleet.WaitUntilServingAsync();
        await Books.CompareAsync(fleet.Caller(0));
        await Books.RetryAsync(fleet.Caller(1), Random);
        for (var server = 0; server < fleet.Count; server++)
        {
            await fleet.WaitUntilServingAsync();
            await Books.CompareAsync(fleet.Caller(server));
        }

        var report = await fleet.VerifyAsync();
        Assert.True(report.IsSound, report.Fault);
        Assert.True(Enumerable.Range(0, fleet.Count).All(server => byServer.GetValueOrDefault(server) > 0), "A server acknowledged nothing.");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Proof: PostgreSQL, {fault}, seed {Scale.Seed}: {Books.Sent} operations, {faults} faults, lost {Books.Lost}{Books.FirstLoss}, doubled {Books.Doubled}; "
            + $"acknowledged by server {string.Join(" + ", byServer.OrderBy(server => server.Key).Select(server => server.Value))}, {Unavailable.Count} answers of 503, {Books.Promised} of their transaction ids asked for, "
            + $"{Books.KeptUnanswered} found in the ledger without an answer, {Books.Replayed} retries replayed; {report.Entries} entries verified.");
    }

    /// <summary>A first operation on every server, until it is served: connections that died in their pools are found out by use.</summary>
    private async Task ProbeAsync()
    {
        for (var server = 0; server < fleet.Count; server++)
        {
            var probe = next();
            Assert.True((await Fleet.SendUntilDecidedAsync(fleet.Caller(server), probe)).Status is 200 or 402);
            Books.Add([probe]);
        }
    }

    private async Task CallAsync(Random random)
    {
        while (!Volatile.Read(ref isOver))
        {
            var operation = next();
            lock (gate)
            {
                sent.Add(operation);
            }

            // Some callers give up after a failure: their operations are retried at the end only.
            while (!await IsDoneAsync(operation, random.Next(fleet.Count)) && random.Next(3) > 0 && !Volatile.Read(ref isOver))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(1, 50)), TimeProvider.System);
            }
        }
    }

    private async Task<bool> IsDoneAsync(Operation operation, int server)
    {
        var reply = await fleet.Caller(server).SendAsync(operation);
        lock (gate)
        {
            switch (reply.Status)
            {
                case 200:
                    byServer[server] = byServer.GetValueOrDefault(server) + 1;
                    Acknowledged.Add();
                    return true;
                case 402:
                    Refused.Add();
                    return true;
                case 503 when reply.RetryAfterSeconds >= 1:
                    Unavailable.Add();
                    return false;
                case null:
                    return false;
                default:
                    unexpected.Add($"{operation.Key}: {reply}");
                    return true;
            }
        }
    }
}
