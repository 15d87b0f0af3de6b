using Metering.Benchmarks;
using Metering.Engine;

namespace Metering.Cluster.Benchmarks;

/// <summary>A command that compares systems.</summary>
/// <param name="Name">The command.</param>
/// <param name="Callers">Calls in flight by default.</param>
/// <param name="Create">Makes the systems; whoever asks disposes the store below them.</param>
internal sealed record ComparedPart(string Name, int Callers, Func<PostgresMeterStore, IReadOnlyList<ILoadSystem>> Create);

/// <summary>Which systems are compared in which part.</summary>
internal static class ComparedSystems
{
    /// <summary>The names of systems, as results are stored and targets look for them.</summary>
    public const string Empty = "empty call";
    public const string Bare = "bare call";
    public const string Cluster = "cluster";
    public const string Embedded = "postgres";
    public const string Stored = "state written";

    /// <summary>Of grain storage: as many as Npgsql takes by itself would leave none for the meter's turn.</summary>
    private const int StorageConnections = 64;

    public static readonly ComparedPart Memory = new("memory", 64, static _ =>
    {
        var silo = new LocalSilo(new MemoryMeterStore());
        return [EmptyCalls(silo), new ClusterMeter("a deduction through the meter of the silo's own process, memory store", silo), BareCalls(silo), new MeterSystem(new MemoryMeterStore())];
    });

    public static readonly ComparedPart PostgreSql = new("postgres", 256, static store =>
    [
        new MeterSystem(store),
        new ClusterMeter("a deduction through the meter of the silo's own process, on the same PostgreSQL", new LocalSilo(store)),
        new GrainCalls<IStateGrain>(
            Stored,
            "a grain that keeps a balance and awaits WriteStateAsync on each deduction, AdoNet grain storage on the same PostgreSQL",
            new LocalSilo(store, silo => AddStorage(silo, store.ConnectionString)),
            static (grain, request) => grain.DeductAsync(request)),
    ]);

    public static readonly ComparedPart Client = new("client", 64, static _ =>
    {
        var silo = new SiloProcess();
        return [EmptyCalls(silo), new ClusterMeter("a deduction on a silo in another process over TCP, memory store", silo), BareCalls(silo)];
    });

    public static readonly IReadOnlyList<ComparedPart> Parts = [Memory, PostgreSql, Client];

    /// <summary>Compares the systems of a part.</summary>
    public static async Task RunAsync(ComparedPart part, Arguments arguments, ResultStore results)
    {
        await using var store = new PostgresMeterStore();
        await new Comparison(results).RunAsync(part, arguments, part.Create(store));
    }

    private static void AddStorage(ISiloBuilder silo, string connectionString)
    {
        PostgreSqlMigration.RunOrleans(connectionString);
        silo.AddAdoNetGrainStorage(StateGrain.Storage, options => (options.Invariant, options.ConnectionString) = ("Npgsql", $"{connectionString};Maximum Pool Size={StorageConnections}"));
    }

    private static GrainCalls<IEmptyGrain> EmptyCalls(IClusterHost host) =>
        new(Empty, "a reentrant grain that does nothing, called with a deduction's fields and answering a deduction's", host, static (grain, request) => grain.CallAsync(request));

    private static GrainCalls<IEmptyGrain> BareCalls(IClusterHost host) =>
        new(Bare, "the same grain, called without argument and answer", host, static (grain, _) => grain.CallBareAsync());
}
