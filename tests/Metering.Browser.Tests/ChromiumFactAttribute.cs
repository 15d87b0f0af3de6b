using Xunit;

namespace Metering.Browser.Tests;

/// <summary>A test in a browser; left out, with a word, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ChromiumFactAttribute : FactAttribute
{
    public ChromiumFactAttribute() => Skip = Chromium.WhyNot;
}
