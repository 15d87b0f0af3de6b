namespace Metering.Benchmarks;

/// <summary>The systems that can be loaded.</summary>
internal static class LoadSystems
{
    /// <summary>The meter's stores.</summary>
    public static readonly IReadOnlyList<string> Stores = ["sqlite", "memory", "postgres"];

    /// <summary>The peers.</summary>
    public static readonly IReadOnlyList<string> Peers = ["pgbench", "redis", "redis-keys"];

    public static IReadOnlyList<string> All => [.. Stores, .. Peers];

    /// <summary>One of them. Whoever asks disposes it.</summary>
    public static ILoadSystem Create(string name) => name switch
    {
        "sqlite" => new MeterSystem(new SqliteMeterStore()),
        "memory" => new MeterSystem(new MemoryMeterStore()),
        "postgres" => new MeterSystem(new PostgresMeterStore()),
        "pgbench" => new PgbenchPeer(),
        "redis" => new RedisPeer(withKeys: false),
        "redis-keys" => new RedisPeer(withKeys: true),
        _ => throw new ArgumentException($"{name} is not a system; {string.Join(", ", All)} are."),
    };
}
