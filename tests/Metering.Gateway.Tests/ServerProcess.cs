using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using Metering.Server;

namespace Metering.Gateway.Tests;

/// <summary>The server in a process of its own, on a free port.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly Process process;
    private readonly HttpClient client = new();

    private ServerProcess(Process process, string output)
    {
        this.process = process;
        Output = output;
    }

    public string Output { get; }

    /// <summary>Where it listens.</summary>
    public Uri Address => new(Output.Split(' ', '\n').First(word => word.StartsWith("http://", StringComparison.Ordinal)));

    public IReadOnlyList<string> CurlLines => [.. Output.Split('\n').Where(line => line.StartsWith("curl ", StringComparison.Ordinal))];

    public static Task<ServerProcess> StartAsync(DirectoryInfo folder, params string[] args) => StartAsync(folder, new Dictionary<string, string>(), args);

    /// <summary>Starts it with further variables of the environment.</summary>
    public static async Task<ServerProcess> StartAsync(DirectoryInfo folder, IReadOnlyDictionary<string, string> environment, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(MeteringServer).Assembly.Location, "--urls", "http://127.0.0.1:0", .. args])
        {
            WorkingDirectory = folder.FullName,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;

        // What the server says when it is ready ends with a blank line after the key, or with the line about the key of the first start.
        var output = new StringBuilder();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            output.Append(line).Append('\n');
            if (line.Contains("/api/v1/credits/balance", StringComparison.Ordinal) || line.Contains("--new-demo-key", StringComparison.Ordinal))
            {
                return new(process, output.ToString());
            }
        }

        throw new InvalidOperationException($"The server ended with {process.ExitCode}: {output}{await process.StandardError.ReadToEndAsync()}");
    }

    /// <summary>Does what a printed curl line does.</summary>
    public async Task<string> RunAsync(string curl)
    {
        // Another start listens on another port; the key is what a line from an earlier start is about.
        var words = curl.Split(' ');
        var url = new UriBuilder(words[^1]) { Port = new Uri(Output.Split(' ', '\n').First(word => word.StartsWith("http://", StringComparison.Ordinal))).Port }.Uri;
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        foreach (var header in Quoted(curl, "-H \"", '"'))
        {
            var (name, value) = header.Split(": ", 2) is [var left, var right] ? (left, right) : throw new FormatException(header);
            if (name != "Content-Type")
            {
                request.Headers.Add(name, value);
            }
        }

        if (Quoted(curl, "-d '", '\'') is [var body])
        {
            request.Method = HttpMethod.Post;
            request.Content = new StringContent(body, MediaTypeHeaderValue.Parse("application/json"));
        }

        using var response = await client.SendAsync(request);
        return await response.Content.ReadAsStringAsync();
    }

    /// <summary>The next line of its log that holds a text.</summary>
    public async Task<string> NextLogLineAsync(string text)
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return line;
            }
        }

        throw new InvalidOperationException($"The server ended without a word of \"{text}\".");
    }

    public void Kill() => process.Kill();

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        if (!process.HasExited)
        {
            using var signal = Process.Start("kill", ["-TERM", process.Id.ToString(null, null)]);
            await signal.WaitForExitAsync();
        }

        await process.WaitForExitAsync();
        process.Dispose();
    }

    private static List<string> Quoted(string text, string opening, char closing)
    {
        var found = new List<string>();
        for (var at = text.IndexOf(opening, StringComparison.Ordinal); at >= 0; at = text.IndexOf(opening, at + 1, StringComparison.Ordinal))
        {
            var start = at + opening.Length;
            found.Add(text[start..text.IndexOf(closing, start)]);
        }

        return found;
    }
}
