using System.Diagnostics;

namespace Metering.Benchmarks;

/// <summary>The metering tool in a process of its own; what it says goes on to the output.</summary>
/// <param name="Seconds">From its start to its end.</param>
/// <param name="PeakBytes">The most of its memory that was resident at once.</param>
internal sealed record ToolProcess(double Seconds, long PeakBytes)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>Runs the tool to its end.</summary>
    /// <param name="command">Its arguments.</param>
    /// <param name="killAt">The beginning of a line of progress at which it is killed, as by kill -9; null for never.</param>
    /// <exception cref="ArgumentException">It failed, or was not killed though it should have been.</exception>
    public static async Task<ToolProcess> RunAsync(IReadOnlyList<string> command, string? killAt = null)
    {
        var clock = Stopwatch.StartNew();
        using var process = new Process { StartInfo = Start(command) };
        void Hear(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is { } text)
            {
                Console.WriteLine($"  {text}");
                if (killAt is not null && text.StartsWith(killAt, StringComparison.Ordinal))
                {
                    process.Kill();
                }
            }
        }

        process.OutputDataReceived += Hear;
        process.ErrorDataReceived += Hear;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var peak = await WatchAsync(process);
        return process.ExitCode == 0 == killAt is null
            ? new(clock.Elapsed.TotalSeconds, peak)
            : throw new ArgumentException($"metering {command[0]} ended with {process.ExitCode}{(killAt is null ? string.Empty : " before it could be killed")}.");
    }

    private static ProcessStartInfo Start(IReadOnlyList<string> command) =>
        new("dotnet", [Path.Combine(AppContext.BaseDirectory, "metering.dll"), .. command]) { RedirectStandardOutput = true, RedirectStandardError = true };

    /// <summary>Waits for the end and looks at the memory meanwhile: afterwards nobody knows it any more.</summary>
    private static async Task<long> WatchAsync(Process process)
    {
        var (peak, ended) = (0L, process.WaitForExitAsync());
        while (await Task.WhenAny(ended, Task.Delay(Look, TimeProvider.System)) != ended)
        {
            try
            {
                process.Refresh();
                peak = Math.Max(peak, process.PeakWorkingSet64);
            }
            catch (InvalidOperationException)
            {
                // It ended between the two.
            }
        }

        await ended;
        return peak;
    }
}
