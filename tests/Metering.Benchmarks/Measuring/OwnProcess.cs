using System.Diagnostics;

namespace Metering.Benchmarks;

/// <summary>Runs other people's programs to their end.</summary>
internal static class OwnProcess
{
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
