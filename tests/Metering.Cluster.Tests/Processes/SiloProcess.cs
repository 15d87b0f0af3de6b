using System.Diagnostics;
using System.Text;
using Metering.Silo;

namespace Metering.Cluster.Tests;

/// <summary>A silo in a process of its own, listening on loopback alone.</summary>
internal sealed class SiloProcess : IAsyncDisposable
{
    private readonly Process process;

    private SiloProcess(Process process, Uri url)
    {
        this.process = process;
        Url = url;

        // A full pipe would hold the silo up.
        _ = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Where its gateway listens.</summary>
    public Uri Url { get; }

    /// <summary>Starts a silo and returns when it serves.</summary>
    /// <param name="settings">Settings beneath <c>Metering</c>.</param>
    public static async Task<SiloProcess> StartAsync(params (string Name, string Value)[] settings)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(MeteringSilo).Assembly.Location, "--urls", "http://127.0.0.1:0"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in settings)
        {
            start.Environment[$"Metering__{name.Replace(":", "__", StringComparison.Ordinal)}"] = value;
        }

        var process = Process.Start(start)!;
        var output = new StringBuilder();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            output.AppendLine(line);
            if (line.StartsWith("Metering silo listens on ", StringComparison.Ordinal))
            {
                return new SiloProcess(process, new(line.Split(' ')[^1]));
            }
        }

        throw new InvalidOperationException($"The silo did not start: {output}{await process.StandardError.ReadToEndAsync()}");
    }

    /// <summary>Ends it as a crash would.</summary>
    public async Task KillAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    /// <summary>Ends it as an operator would, and waits for it.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync()
    {
        using var signal = Process.Start("kill", ["-TERM", process.Id.ToString(null, null)]);
        await signal.WaitForExitAsync();
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            await KillAsync();
        }

        process.Dispose();
    }
}
