using Spectre.Console;

namespace Metering.Cli;

/// <summary>Where the tool writes: results to the output; progress and errors beside it, so that a result can be redirected alone.</summary>
internal sealed class ToolTerminal
{
    /// <summary>Results.</summary>
    public required TextWriter Output { get; init; }

    /// <summary>Progress and errors.</summary>
    public required TextWriter Errors { get; init; }

    /// <summary>Opens <see cref="Output"/> for bytes, for results that no text writer should touch.</summary>
    public Func<Stream> OpenOutput { get; init; } = Console.OpenStandardOutput;

    /// <summary>Opens what is fed into the tool.</summary>
    public Func<Stream> OpenInput { get; init; } = Console.OpenStandardInput;

    /// <summary>True where <see cref="Errors"/> is a screen, on which a line can be drawn again.</summary>
    public bool IsScreen { get; init; }

    /// <summary>Measures how long things take.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The terminal that this process was started at.</summary>
    public static ToolTerminal OfProcess() => new() { Output = Console.Out, Errors = Console.Error, IsScreen = !Console.IsErrorRedirected };

    /// <summary>Runs work under a progress display: a bar on a screen, a line now and then elsewhere.</summary>
    /// <param name="title">What is done ("Verifying").</param>
    /// <param name="unit">What is counted ("entries").</param>
    /// <param name="work">The work.</param>
    public Task<T> ShowAsync<T>(string title, string unit, Func<IProgressDisplay, Task<T>> work)
    {
        if (!IsScreen)
        {
            return work(new PlainProgress(Errors, title, unit));
        }

        // Spectre itself keeps to NO_COLOR and to what the terminal can do.
        var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Errors) });
        return ScreenProgress.RunAsync(console, title, unit, work);
    }

    /// <summary>Writes one sentence for people.</summary>
    /// <returns><see cref="ExitCode.CannotRun"/>.</returns>
    public async Task<int> RefuseAsync(string sentence)
    {
        await Errors.WriteLineAsync(string.Join(' ', sentence.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)));
        return ExitCode.CannotRun;
    }
}
