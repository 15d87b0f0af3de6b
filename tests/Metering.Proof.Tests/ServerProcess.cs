using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Metering.Proof.Tests;

/// <summary>The server as a process: started from its build output, told by its standard output where it listens, killed at will.</summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process process;
    private readonly StringBuilder output = new();
    private readonly StringBuilder errors = new();
    private readonly TaskCompletionSource<string> listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServerProcess(string program, string[] arguments, string workingFolder, IReadOnlyDictionary<string, string>? environment)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingFolder,
        };
        foreach (var argument in (string[])[Path.Combine(AppContext.BaseDirectory, program), .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        // The server's address must not come from whoever runs the tests.
        start.Environment.Remove("ASPNETCORE_URLS");
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        process = new() { StartInfo = start, EnableRaisingEvents = true };
        process.OutputDataReceived += (_, line) => Read(output, line.Data);
        process.ErrorDataReceived += (_, line) => Read(errors, line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>The exit code, once it has ended; 137 after a SIGKILL.</summary>
    public int ExitCode => process.ExitCode;

    public bool HasExited => process.HasExited;

    /// <summary>What it wrote to standard error.</summary>
    public string Errors => Text(errors);

    /// <summary>What it wrote to standard output.</summary>
    public string Output => Text(output);

    /// <summary>Where it listens.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1:1");

    /// <summary>Starts it and waits until it says where it listens.</summary>
    /// <param name="folder">The data folder, absolute.</param>
    /// <param name="environment">Variables beside this process's own; null for none.</param>
    /// <param name="program">The program in the build output.</param>
    /// <returns>The process; it may have been killed by its disk before it listened, and has then exited.</returns>
    public static Task<ServerProcess> StartAsync(string folder, IReadOnlyDictionary<string, string>? environment = null, string program = "Metering.Server.dll") =>
        ListenAsync(new(program, ["--urls", "http://127.0.0.1:0", "--data", folder], Path.GetDirectoryName(folder)!, environment));

    /// <summary>Starts it on a PostgreSQL database and waits until it says where it listens.</summary>
    /// <param name="connection">The connection string.</param>
    /// <param name="environment">Variables beside this process's own; null for none.</param>
    public static Task<ServerProcess> StartOnPostgreSqlAsync(string connection, IReadOnlyDictionary<string, string>? environment = null) =>
        ListenAsync(new("Metering.Server.dll", ["--urls", "http://127.0.0.1:0", "--store", "postgres", "--connection", connection], Path.GetTempPath(), environment));

    private static async Task<ServerProcess> ListenAsync(ServerProcess server)
    {
        var exited = server.WaitForExitAsync();
        if (await Task.WhenAny(server.listening.Task, exited) == server.listening.Task)
        {
            server.Address = new(await server.listening.Task);
        }

        return server;
    }

    /// <summary>Runs the server's check of its ledger to its end.</summary>
    /// <returns>The exit code, and what it said.</returns>
    public static async Task<(int ExitCode, string Said)> VerifyAsync(string folder)
    {
        using var server = new ServerProcess("Metering.Server.dll", ["--verify", "--data", folder], Path.GetDirectoryName(folder)!, null);
        await server.WaitForExitAsync();
        return (server.ExitCode, server.Output + server.Errors);
    }

    /// <summary>SIGKILL: no handler runs, no buffer is flushed.</summary>
    public async Task KillAsync()
    {
        if (!process.HasExited)
        {
            process.Kill();
        }

        await WaitForExitAsync();
    }

    /// <summary>SIGSTOP: it keeps its connections and its memory, and does nothing.</summary>
    public Task StopAsync() => SignalAsync("STOP");

    /// <summary>SIGCONT: it goes on from where it was.</summary>
    public Task ContinueAsync() => SignalAsync("CONT");

    public Task WaitForExitAsync() => process.WaitForExitAsync().WaitAsync(Patience, TimeProvider.System);

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill();
        }

        process.Dispose();
    }

    private async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("sh", ["-c", string.Create(CultureInfo.InvariantCulture, $"kill -{signal} {process.Id}")]);
        await kill.WaitForExitAsync();
    }

    private void Read(StringBuilder text, string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (text)
        {
            text.AppendLine(line);
        }

        if (line.Split(" listens on ") is [_, var addresses])
        {
            listening.TrySetResult(addresses.Split(", ")[0]);
        }
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }
}
