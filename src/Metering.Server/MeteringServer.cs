using System.Net.Sockets;
using Metering.Engine;
using Metering.Gateway;
using Microsoft.AspNetCore.Connections;

namespace Metering.Server;

/// <summary>The server from its command line to its exit code.</summary>
internal sealed class MeteringServer(ServerArguments arguments, TextWriter output)
{
    private const string DefaultUrl = "http://127.0.0.1:5080";

    private volatile bool isRunning;
    private string? addresses;

    /// <summary>Runs until the host is told to stop.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, TextWriter output, TextWriter errors)
    {
        MeteringServer? server = null;
        try
        {
            server = new(ServerArguments.Parse(args), output);
            return await server.RunAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (server is not { isRunning: true })
        {
            // Whatever stops a start, a person at a terminal needs one sentence, not a stack trace.
            await errors.WriteLineAsync(Describe(exception, server?.addresses)).ConfigureAwait(false);
            return 1;
        }
    }

    private async Task<int> RunAsync()
    {
        if (arguments.WantsHelp)
        {
            await output.WriteLineAsync(ServerArguments.Help).ConfigureAwait(false);
            return 0;
        }

        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(arguments.Settings);
        var section = builder.Configuration.GetSection("Metering");
        if (arguments.WantsVerification)
        {
            return await LedgerVerification.RunAsync(section, output).ConfigureAwait(false);
        }

        var app = Build(builder, section);
        await using (app.ConfigureAwait(false))
        {
            await app.StartAsync().ConfigureAwait(false);
            await GreetAsync(app).ConfigureAwait(false);
            isRunning = true;
            await app.WaitForShutdownAsync().ConfigureAwait(false);
        }

        return Environment.ExitCode; // The engine sets it where the ledger failed for good.
    }

    private WebApplication Build(WebApplicationBuilder builder, IConfigurationSection section)
    {
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        foreach (var category in (ReadOnlySpan<string>)["Microsoft.Extensions.Hosting", "Microsoft.AspNetCore.Server.Kestrel"])
        {
            // A start that fails is told in one sentence; these categories would print its stack trace as well.
            builder.Logging.AddFilter(category, level => isRunning && level >= LogLevel.Warning);
        }

        if (!IsAddressConfigured(builder.Configuration))
        {
            builder.WebHost.UseUrls(DefaultUrl);
        }

        addresses = builder.Configuration["urls"] ?? "the configured addresses";

        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        builder.Services.AddCreditMetering(options => options.ReadConfiguration(section));
        builder.Services.AddMeteringGateway(section);
        builder.Services.AddSingleton<DemoAccount>();
        var app = builder.Build();
        app.UseMeteringGateway();
        app.MapMetering();
        return app;
    }

    /// <summary>Says where the server listens and how to call it. Only now: a key that a failed start printed would be lost.</summary>
    private async Task GreetAsync(WebApplication app)
    {
        var (exists, key) = await app.Services.GetRequiredService<DemoAccount>()
            .EnsureAsync(arguments.WantsNewDemoKey, app.Lifetime.ApplicationStopping).ConfigureAwait(false);
        await output.WriteLineAsync($"Metering listens on {string.Join(", ", app.Urls)}").ConfigureAwait(false);
        if (key is not null)
        {
            var url = ReachableUrl(app.Urls.First());
            await output.WriteLineAsync($$"""

                The demo account's key, shown only now: {{key}}

                curl -H "X-API-Key: {{key}}" {{url}}/v1/credits
                curl -H "X-API-Key: {{key}}" -H "Content-Type: application/json" -d '{"amount": 43}' {{url}}/v1/credits/deduct
                curl -H "Authorization: Bearer {{key}}" {{url}}/api/v1/credits/balance

                """).ConfigureAwait(false);
        }
        else if (exists)
        {
            await output.WriteLineAsync("The demo account's key was shown at the first start; start with --new-demo-key to get another.").ConfigureAwait(false);
        }

        await output.FlushAsync().ConfigureAwait(false);
    }

    private static bool IsAddressConfigured(ConfigurationManager configuration) =>
        configuration["urls"] is not null
        || configuration["http_ports"] is not null
        || configuration["https_ports"] is not null
        || configuration.GetSection("Kestrel:Endpoints").Exists();

    /// <summary>An address that a client on this machine can call, also where the server listens on every interface.</summary>
    private static string ReachableUrl(string url) =>
        url.Replace("//[::]", "//127.0.0.1", StringComparison.Ordinal)
            .Replace("//0.0.0.0", "//127.0.0.1", StringComparison.Ordinal)
            .Replace("//+", "//127.0.0.1", StringComparison.Ordinal)
            .Replace("//*", "//127.0.0.1", StringComparison.Ordinal)
            .TrimEnd('/');

    private static string Describe(Exception exception, string? addresses)
    {
        var cause = exception is AggregateException { InnerExceptions: [var only] } ? only : exception;
        var sentence = cause switch
        {
            MeteringStartupException => cause.Message,
            IOException { InnerException: AddressInUseException } => $"{cause.Message} Stop what listens there, or choose another address with --urls.",
            InvalidDataException => $"{cause.Message} {cause.GetBaseException().Message}",
            SocketException or FormatException or ArgumentOutOfRangeException =>
                $"It cannot listen at {addresses} ({cause.Message.TrimEnd('.')}); choose another address with --urls.",
            _ => cause.Message,
        };
        return "Metering cannot start: " + string.Join(' ', sentence.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }
}
