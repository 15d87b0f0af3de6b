namespace Metering.Cli.Tests;

/// <summary>Stops the run when it writes a certain text.</summary>
internal sealed class CancellingWriter(CancellationTokenSource stop, string at) : StringWriter
{
    public override void WriteLine(string? value)
    {
        base.WriteLine(value);
        if (value?.StartsWith(at, StringComparison.Ordinal) == true)
        {
            stop.Cancel();
        }
    }
}
