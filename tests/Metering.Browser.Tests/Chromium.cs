using System.ComponentModel;
using System.Diagnostics;
using Microsoft.Playwright;

namespace Metering.Browser.Tests;

/// <summary>The system's Chromium.</summary>
internal static class Chromium
{
    private const string Variable = "CHROMIUM_PATH";

    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

    private static readonly Lazy<(string? Program, string? WhyNot)> Found = new(Find);

    /// <summary>Why there is no browser here, as a sentence; null where there is one.</summary>
    public static string? WhyNot => Found.Value.WhyNot;

    /// <summary>Starts the browser without a window.</summary>
    public static Task<IBrowser> LaunchAsync(IPlaywright playwright) => playwright.Chromium.LaunchAsync(new()
    {
        ExecutablePath = Found.Value.Program,
        ChromiumSandbox = false, // It needs rights that containers and root lack, and only pages of the server under test are opened.
        Timeout = Shop.PatienceMilliseconds,
    });

    private static (string? Program, string? WhyNot) Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } set)
        {
            return Runs(set) ? (set, null) : (null, $"LEFT OUT: the checkout page in a browser, because {Variable} is {set}, which cannot be run. Set it to the program of a Chromium or Chrome.");
        }

        var program = (from folder in (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator)
                       from name in Names
                       let path = Path.Combine(folder, OperatingSystem.IsWindows() ? name + ".exe" : name)
                       where folder.Length > 0 && File.Exists(path)
                       select path).FirstOrDefault(Runs);
        return program is not null
            ? (program, null)
            : (null, $"LEFT OUT: the checkout page in a browser, because there is no Chromium on the PATH. Install it (on Debian: apt-get install chromium), or set {Variable} to its program.");
    }

    /// <summary>A name that only tells how to install the program is no browser.</summary>
    private static bool Runs(string program)
    {
        if (OperatingSystem.IsWindows())
        {
            return File.Exists(program); // There it opens a window instead of telling its version.
        }

        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, "--version") { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.OutputDataReceived += (_, _) => { };
            process.ErrorDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
