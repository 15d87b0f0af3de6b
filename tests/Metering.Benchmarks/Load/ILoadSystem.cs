namespace Metering.Benchmarks;

/// <summary>How a system is loaded: callers in a closed loop, each waiting for its answer before it asks again.</summary>
/// <param name="Callers">Calls in flight at once.</param>
/// <param name="Accounts">Accounts that the calls are spread over at random; 1 is one hot account.</param>
/// <param name="Keys">True where every call has an idempotency key of its own.</param>
/// <param name="WarmupSeconds">How long it runs before anything counts.</param>
/// <param name="Seconds">How long it is measured.</param>
internal sealed record LoadShape(int Callers, int Accounts, bool Keys, int WarmupSeconds, int Seconds)
{
    public bool IsHot => Accounts == 1;

    public override string ToString() => $"{Callers:N0} {(Callers == 1 ? "caller" : "callers")}, {(IsHot ? "one hot account" : $"{Accounts:N0} accounts")}";
}

/// <summary>What came of it.</summary>
/// <param name="Calls">Durable answers in <paramref name="Seconds"/>.</param>
/// <param name="Seconds">How long it was measured, to the last caller's last answer.</param>
/// <param name="DrainSeconds">How long the system then took to move everything to its final place.</param>
/// <param name="Refused">Calls that were turned away because the system was full, and sent again.</param>
/// <param name="Latency">Milliseconds.</param>
/// <param name="Notes">How it was driven, for the report; empty for nothing particular.</param>
internal sealed record LoadFigure(long Calls, double Seconds, double DrainSeconds, long Refused, Percentiles Latency, string Notes = "")
{
    /// <summary>Processor time a call, in microseconds, of the harness's process and those that serve it; NaN where it was not looked at.</summary>
    public double ProcessorMicroseconds { get; init; } = double.NaN;

    /// <summary>Calls a second while they were made: the burst.</summary>
    public double BurstRate => Calls / Seconds;

    /// <summary>Calls a second with the drain in the division: what can go on for ever.</summary>
    public double SustainedRate => Calls / (Seconds + DrainSeconds);
}

/// <summary>
/// A system that spends credits durably: the meter over one of its stores, or a peer. Each is one file; <see cref="LoadSystems"/> lists
/// them.
/// </summary>
internal interface ILoadSystem : IAsyncDisposable
{
    /// <summary>As options and tables call it.</summary>
    string Name { get; }

    /// <summary>What it is and does for a call, in one line.</summary>
    string Description { get; }

    /// <summary>Why it cannot run on this machine and what mends that; null where it can.</summary>
    string? Missing { get; }

    /// <summary>The most calls in flight that it can be asked for.</summary>
    int MaxCallers { get; }

    /// <summary>Loads it, beginning without any calls before.</summary>
    Task<LoadFigure> MeasureAsync(LoadShape shape);
}
