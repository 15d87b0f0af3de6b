using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>The README's script of a new customer's whole way, run to the letter against the server as shipped.</summary>
public sealed class ReadmeScriptTests
{
    [ScriptFact]
    public async Task The_script_of_the_readme_buys_claims_buys_credits_and_cancels()
    {
        const string Address = "url=http://127.0.0.1:5080 ";
        var script = ScriptOf(await File.ReadAllTextAsync(Path.Combine(Root(), "README.md")), "## Buying");
        Assert.Contains(Address, script, StringComparison.Ordinal);
        var folder = Directory.CreateTempSubdirectory("metering-readme-");
        try
        {
            await using var server = await ServerProcess.StartAsync(folder);
            var lines = await RunAsync(folder, script.Replace(Address, $"url={server.Address.ToString().TrimEnd('/')} ", StringComparison.Ordinal));
            Assert.Equal(3, lines.Length);
            var (me, credits, cancelled) = (DataOf(lines[0]), DataOf(lines[1]), DataOf(lines[2]));
            Assert.Equal(("growth", 1_000, "ann@example.com"), (me.GetProperty("plan").GetString(), me.GetProperty("totalCreditsRemaining").GetInt32(), me.GetProperty("email").GetString()));
            Assert.Equal((758, 101), (credits.GetProperty("amountChargedCents").GetInt32(), credits.GetProperty("creditsAdded").GetInt32()));
            Assert.True(cancelled.GetProperty("cancelAtPeriodEnd").GetBoolean());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static JsonElement DataOf(string line) => JsonElement.Parse(line).GetProperty("data");

    /// <summary>The first block of shell commands under a heading.</summary>
    private static string ScriptOf(string text, string heading)
    {
        var start = text.IndexOf("```sh\n", text.IndexOf(heading, StringComparison.Ordinal), StringComparison.Ordinal) + "```sh\n".Length;
        return text[start..text.IndexOf("\n```", start, StringComparison.Ordinal)];
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Metering.sln")))
        {
            folder = folder.Parent!;
        }

        return folder.FullName;
    }

    private static async Task<string[]> RunAsync(DirectoryInfo folder, string script)
    {
        var start = new ProcessStartInfo("bash", ["-eu", "-o", "pipefail", "-c", script]) { WorkingDirectory = folder.FullName, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["HOME"] = folder.FullName;
        start.Environment["NO_PROXY"] = "127.0.0.1";
        using var shell = Process.Start(start)!;
        var errors = shell.StandardError.ReadToEndAsync();
        var output = await shell.StandardOutput.ReadToEndAsync();
        await shell.WaitForExitAsync();
        Assert.True(shell.ExitCode == 0, $"{output}{await errors}");
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>A test that runs a script; left out, with a word, where its programs are missing.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class ScriptFactAttribute : FactAttribute
    {
        public ScriptFactAttribute() => Skip = Array.Find(["bash", "curl", "sed"], program => !IsThere(program)) is { } missing
            ? $"LEFT OUT: the README's script, because {missing} is not here. Install it (on Debian: apt-get install {missing})."
            : null;

        private static bool IsThere(string program) =>
            (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator).Any(folder => folder.Length > 0 && File.Exists(Path.Combine(folder, program)));
    }
}
