namespace Metering.Cli.Tests;

/// <summary>A clock that goes as the system's does, earlier or later.</summary>
internal sealed class Shifted(TimeSpan by) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + by;
}
