using Metering.Engine;
using Orleans.Placement;

namespace Metering.Cluster;

/// <summary>The count of one subject against one limit, for the whole cluster. The key is both their names.</summary>
[Alias("metering.limit")]
internal interface ILimitGrain : IGrainWithStringKey
{
    /// <summary>Counts a call where the limit allows it.</summary>
    [Alias("take")]
    ValueTask<LimitAnswer> TakeAsync(int permits, TimeSpan window);
}

[GenerateSerializer, Immutable, Alias("metering.limit-answer")]
internal readonly struct LimitAnswer
{
    [Id(0)]
    public bool IsAllowed { get; init; }

    [Id(1)]
    public int Remaining { get; init; }

    [Id(2)]
    public TimeSpan ResetsIn { get; init; }
}

/// <inheritdoc cref="ILimitGrain"/>
[GrainType("limit"), PreferLocalPlacement]
internal sealed class LimitGrain(AccountHosting hosting) : Grain, ILimitGrain
{
    private readonly LimitWindow count = new(hosting.Clock);

    public ValueTask<LimitAnswer> TakeAsync(int permits, TimeSpan window)
    {
        var verdict = count.Take(permits, window);

        // Nothing else keeps the count: collected as idle, a day's limit would begin anew.
        DelayDeactivation(verdict.ResetsIn);
        return new(new LimitAnswer { IsAllowed = verdict.IsAllowed, Remaining = verdict.Remaining, ResetsIn = verdict.ResetsIn });
    }
}
