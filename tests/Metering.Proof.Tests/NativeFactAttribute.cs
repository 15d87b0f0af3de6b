using Xunit;

namespace Metering.Proof.Tests;

/// <summary>A test that needs the preload library of the folder native; where it cannot be made, it is skipped with a word.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NativeFactAttribute : FactAttribute
{
    public NativeFactAttribute() => Skip = NativeLibrary.WhyNot;
}
