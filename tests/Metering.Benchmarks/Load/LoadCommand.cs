namespace Metering.Benchmarks;

/// <summary>A measured load as it is stored.</summary>
/// <param name="System">The system.</param>
/// <param name="Kind">burst, sustained or sweep.</param>
/// <param name="Shape">How it was loaded.</param>
/// <param name="Figure">What came of it.</param>
/// <param name="Command">The command that measures it again.</param>
internal sealed record LoadResult(string System, string Kind, LoadShape Shape, LoadFigure Figure, string Command)
{
    public string Name => $"{Kind}-{System}-{Shape.Callers}-{(Shape.IsHot ? "hot" : "spread")}{(Shape.Keys ? string.Empty : "-nokeys")}";

    /// <summary>The rate that counts: with the drain where the load is sustained.</summary>
    public double Rate => Kind == "sustained" ? Figure.SustainedRate : Figure.BurstRate;
}

/// <summary>Loads one system twice: in a burst, and for as long that its backlog and its drain count.</summary>
internal sealed class LoadCommand(ResultStore results)
{
    public const string Usage = """
        load      durable deductions a second, in process, everything on; each load twice: a burst, and sustained with the drain in the division
          --store sqlite|memory   default sqlite
          --callers N             calls in flight, 1 to 100000, default 256
          --accounts N            accounts that the calls are spread over, 1 to 1000000, default 10000; 1 is one hot account
          --keys on|off           give every call an idempotency key, default on
          --burst N               seconds, 0 to 3600, default 10; 0 for none
          --sustained N           seconds, 0 to 3600, default 120; 0 for none
          --warmup N              seconds before each, 1 to 600, default 3
        peers     the same for others, each started by the harness on this machine with its durability on
          --peer pgbench|redis|redis-keys   default redis; pgbench opens as many connections as there are callers
          and the options of load but --store and --keys; the default of --callers is 2048 for redis (64 clients, 32 in a pipeline) and 16 for pgbench
        """;

    /// <summary>Loads a store of the meter.</summary>
    public async Task LoadAsync(Arguments arguments)
    {
        var store = arguments.Choice("--store", "sqlite", LoadSystems.Stores);
        var keys = arguments.Switch("--keys", true);
        await RunAsync(store, "load --store", arguments, keys, 256);
    }

    /// <summary>Loads a peer.</summary>
    public async Task PeerAsync(Arguments arguments)
    {
        var peer = arguments.Choice("--peer", "redis", LoadSystems.Peers);
        await RunAsync(peer, "peers --peer", arguments, true, peer == "pgbench" ? 16 : 2_048);
    }

    private async Task RunAsync(string name, string command, Arguments arguments, bool keys, int defaultCallers)
    {
        await using var system = LoadSystems.Create(name);
        var shape = new LoadShape(
            arguments.Number("--callers", defaultCallers, 1, system.MaxCallers),
            arguments.Number("--accounts", 10_000, 1, 1_000_000),
            keys,
            arguments.Number("--warmup", 3, 1, 600),
            0);
        var (burst, sustained) = (arguments.Number("--burst", 10, 0, 3_600), arguments.Number("--sustained", 120, 0, 3_600));
        arguments.RefuseOthers();
        if (system.Missing is { } missing)
        {
            Console.WriteLine($"{name} is left out: {missing}");
            return;
        }

        foreach (var (kind, seconds) in new[] { ("burst", burst), ("sustained", sustained) })
        {
            if (seconds > 0)
            {
                var only = kind == "burst" ? $"--burst {seconds} --sustained 0" : $"--burst 0 --sustained {seconds}";
                await MeasureAsync(system, kind, shape with { Seconds = seconds }, $"{command} {name} --callers {shape.Callers} --accounts {shape.Accounts}{(keys ? string.Empty : " --keys off")} --warmup {shape.WarmupSeconds} {only}");
            }
        }
    }

    private async Task MeasureAsync(ILoadSystem system, string kind, LoadShape shape, string command)
    {
        var result = new LoadResult(system.Name, kind, shape, await system.MeasureAsync(shape), command);
        results.Save(result.Name, result);
        var figure = result.Figure;
        var drain = kind == "sustained" ? $" ({figure.Seconds:F1} s and {figure.DrainSeconds:F2} s of drain; {figure.BurstRate:N0}/s without it)" : $" ({figure.Seconds:F1} s)";
        Console.WriteLine($"{system.Name}, {shape}, {kind} after {shape.WarmupSeconds} s of warm-up: {result.Rate:N0}/s{drain}");
        Console.WriteLine($"  {figure.Latency}{(figure.Refused > 0 ? $"  turned away and asked again {figure.Refused:N0}" : string.Empty)}{(figure.Notes.Length > 0 ? $"  [{figure.Notes}]" : string.Empty)}");
    }
}
