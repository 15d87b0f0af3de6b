namespace Metering.Cluster.Benchmarks;

/// <summary>What a deduction brings along: the same fields, in the cheapest form that Orleans has for them.</summary>
[GenerateSerializer, Immutable, Alias("metering.benchmarks.request")]
internal sealed class CallRequest
{
    [Id(0)]
    public required string Product { get; init; }

    [Id(1)]
    public required int Quantity { get; init; }

    [Id(2)]
    public required string Description { get; init; }

    [Id(3)]
    public required string IdempotencyKey { get; init; }
}

/// <summary>What a deduction answers: the same fields.</summary>
[GenerateSerializer, Immutable, Alias("metering.benchmarks.answer")]
internal sealed class CallAnswer
{
    [Id(0)]
    public required long Number { get; init; }

    [Id(1)]
    public required ulong Tag { get; init; }

    [Id(2)]
    public required long Charged { get; init; }

    [Id(3)]
    public required long Credits { get; init; }

    [Id(4)]
    public required long Bonus { get; init; }

    [Id(5)]
    public required long Monthly { get; init; }

    [Id(6)]
    public required long Permanent { get; init; }
}
