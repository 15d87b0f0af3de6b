using System.Text;
using Xunit;

namespace Metering.Cli.Tests;

/// <summary>What one run of the tool gave, in this process.</summary>
internal sealed record ToolRun(int Code, string Output, string Errors)
{
    /// <summary>Runs a command.</summary>
    public static Task<ToolRun> OfAsync(params string[] args) => OfAsync(args, new StringWriter(), CancellationToken.None);

    /// <summary>Runs a command that can be stopped, with a writer that hears its progress.</summary>
    public static async Task<ToolRun> OfAsync(string[] args, StringWriter errors, CancellationToken cancellationToken, string input = "", TimeProvider? clock = null)
    {
        var (output, bytes) = (new StringWriter(), new MemoryStream());
        var terminal = new ToolTerminal
        {
            Output = output,
            Errors = errors,
            OpenOutput = () => bytes,
            OpenInput = () => new MemoryStream(Encoding.UTF8.GetBytes(input)),
            Time = clock ?? TimeProvider.System,
        };
        var code = await MeteringTool.RunAsync(args, terminal, cancellationToken);
        return new(code, output + Encoding.UTF8.GetString(bytes.ToArray()), errors.ToString());
    }

    /// <summary>Runs a command that is fed a text.</summary>
    public static Task<ToolRun> FedAsync(string input, params string[] args) => OfAsync(args, new StringWriter(), CancellationToken.None, input);

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
