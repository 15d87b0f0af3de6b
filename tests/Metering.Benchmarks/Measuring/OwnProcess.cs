using System.Diagnostics;
using System.Reflection;

namespace Metering.Benchmarks;

/// <summary>Processes of the harness's own: other people's programs, and itself.</summary>
internal static class OwnProcess
{
    /// <summary>This program once more, with other arguments.</summary>
    public static ProcessStartInfo Again(IEnumerable<string> arguments) => new(
        Environment.ProcessPath!,
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? arguments.Prepend(Assembly.GetEntryAssembly()!.Location) : arguments);

    /// <summary>Runs a program and gives its output.</summary>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="onError">Told every line of its error stream; null where only a failure is of interest.</param>
    /// <param name="folder">Its current folder; null for this process's.</param>
    /// <exception cref="ArgumentException">It failed; the message has what it said.</exception>
    public static async Task<string> RunAsync(string program, IReadOnlyList<string> arguments, Action<string>? onError = null, string? folder = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? Path.GetTempPath(),
        };
        using var process = Process.Start(start)!;
        var errors = new List<string>();
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { } text)
            {
                errors.Add(text);
                onError?.Invoke(text);
            }
        };
        process.BeginErrorReadLine();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? output
            : throw new ArgumentException($"{Path.GetFileName(program)} failed: {string.Join(' ', errors.TakeLast(3))}");
    }
}
