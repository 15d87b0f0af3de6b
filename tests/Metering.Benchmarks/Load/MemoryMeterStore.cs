using Metering.Engine;

namespace Metering.Benchmarks;

/// <summary>The engine without a disk under it: nothing is durable.</summary>
internal sealed class MemoryMeterStore : IMeterStore
{
    public string Name => "memory";

    public Task ConfigureAsync(CreditMeteringOptions options, string folder)
    {
        options.UseMemory();
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
