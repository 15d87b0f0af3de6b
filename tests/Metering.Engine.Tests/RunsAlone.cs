using Xunit;

namespace Metering.Engine.Tests;

/// <summary>Tests that weigh the memory of the whole process, and so run while no other test does.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class RunsAlone
{
    public const string Name = "alone";
}
