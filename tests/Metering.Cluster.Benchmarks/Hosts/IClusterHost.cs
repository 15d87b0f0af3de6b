namespace Metering.Cluster.Benchmarks;

/// <summary>A way to a cluster of one silo.</summary>
internal interface IClusterHost
{
    /// <summary>The services of this process, once it is started.</summary>
    IServiceProvider Services { get; }

    /// <summary>Processor time so far of other processes that serve the calls.</summary>
    TimeSpan OthersProcessorTime => TimeSpan.Zero;

    /// <summary>Starts it, with nothing in it.</summary>
    Task StartAsync();

    /// <summary>Ends it.</summary>
    Task StopAsync();
}
