using Xunit;

namespace Metering.Cli.Tests;

/// <summary>What one run of the tool gave, in this process.</summary>
internal sealed record ToolRun(int Code, string Output, string Errors)
{
    /// <summary>Runs a command.</summary>
    public static Task<ToolRun> OfAsync(params string[] args) => OfAsync(args, new StringWriter(), CancellationToken.None);

    /// <summary>Runs a command that can be stopped, with a writer that hears its progress.</summary>
    public static async Task<ToolRun> OfAsync(string[] args, StringWriter errors, CancellationToken cancellationToken)
    {
        var output = new StringWriter();
        var code = await MeteringTool.RunAsync(args, new() { Output = output, Errors = errors }, cancellationToken);
        return new(code, output.ToString(), errors.ToString());
    }

    /// <summary>Checks that the run ended with one sentence for people and nothing else.</summary>
    public void IsOneSentence(int code, string part)
    {
        Assert.Equal(code, Code);
        Assert.Contains(part, Errors, StringComparison.Ordinal);
        Assert.Single(Errors.TrimEnd().Split('\n'));
        Assert.DoesNotContain("   at ", Errors, StringComparison.Ordinal);
    }

    /// <summary>Checks that the run did what it was told.</summary>
    public ToolRun IsDone()
    {
        Assert.True(Code == ExitCode.Done, $"Exit code {Code}: {Errors}{Output}");
        return this;
    }
}
