using System.Net.Sockets;
using Metering.Engine;
using Metering.Gateway.Admin;
using Metering.Gateway.Payments;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway;

/// <summary>
/// An executable with a meter in its process, from its command line to its exit code: a first start in an empty folder makes the files
/// and a demo account and prints its key once; a start that fails says why in one sentence and exits with 1.
/// </summary>
public sealed record MeteringProgram
{
    private const string Endpoints = "Kestrel:Endpoints";
    private static readonly string[] Addresses = ["urls", "http_ports", "https_ports"];

    /// <summary>What it is called in its messages.</summary>
    public required string Name { get; init; }

    /// <summary>What it is, in one line, for its help.</summary>
    public required string Purpose { get; init; }

    /// <summary>The project that starts it, for its help ("src/Metering.Server").</summary>
    public required string Project { get; init; }

    /// <summary>Where it listens when nothing else is configured.</summary>
    public required string DefaultUrl { get; init; }

    /// <summary>The folder of its ledger when nothing else is configured; relative to the current folder.</summary>
    public required string DefaultData { get; init; }

    /// <summary>Settings of its own beneath <c>Metering</c>, which would otherwise be unknown.</summary>
    public IReadOnlyList<string> Settings { get; init; } = [];

    /// <summary>Sets the meter up after its configuration was read, where it is not to be the embedded one; null for that.</summary>
    public Action<CreditMeteringOptions, IConfigurationSection>? ConfigureMeter { get; init; }

    /// <summary>Settings outside <c>Metering</c> that it looks at, for the list of what is in force ("OTEL_EXPORTER_OTLP_ENDPOINT").</summary>
    public IReadOnlyList<string> OtherSettings { get; init; } = [];

    /// <summary>Looks at what has to be there before a start and is no setting (tables, say); throws where it is missing. Null for nothing.</summary>
    public Action<IConfigurationSection>? RequireStores { get; init; }

    /// <summary>Adds services of its own; null for none.</summary>
    public Action<IServiceCollection>? AddServices { get; init; }

    /// <summary>Maps routes of its own beside the meter's; null for none.</summary>
    public Action<WebApplication>? MapRoutes { get; init; }

    /// <summary>What a person can try, given a new demo key and the address: lines that work as printed.</summary>
    public required Func<string, string, string> Introduce { get; init; }

    /// <summary>Builds the host with the meter, the gateway and what is this program's own; it is not started.</summary>
    /// <param name="builder">The builder; its configuration wins over this program's defaults.</param>
    /// <param name="migrating">Told how far the migration of an older ledger is; null for nobody.</param>
    /// <exception cref="MeteringStartupException">A setting is wrong; the message names it, its value and what is allowed.</exception>
    public WebApplication Build(WebApplicationBuilder builder, Action<LedgerMigrationProgress>? migrating = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        SetDefaults(builder.Configuration);
        if (!IsAddressConfigured(builder.Configuration))
        {
            builder.WebHost.UseUrls(DefaultUrl);
        }

        var section = builder.Configuration.GetSection("Metering");
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        Register(builder, section, migrating);
        RequireStores?.Invoke(section);
        var app = builder.Build();
        app.UseMeteringGateway();
        app.MapMetering();
        MapRoutes?.Invoke(app);
        return app;
    }

    /// <summary>Runs until the host is told to stop.</summary>
    /// <param name="args">The command line; <c>--help</c> lists it.</param>
    /// <param name="output">Where it says where it listens, and what its help says.</param>
    /// <param name="errors">Where it says why it cannot start.</param>
    /// <returns>The exit code: 0, 1 where it could not start, 74 where the ledger failed for good.</returns>
    public async Task<int> RunAsync(IReadOnlyList<string> args, TextWriter output, TextWriter errors)
    {
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(errors);
        var run = new MeteringProgramRun(this, output);
        try
        {
            return await run.RunAsync(ProgramArguments.Parse(args)).ConfigureAwait(false);
        }
        catch (Exception exception) when (!run.IsRunning)
        {
            // Whatever stops a start, a person at a terminal needs one sentence, not a stack trace.
            await errors.WriteLineAsync($"{Name} cannot start: {Describe(exception, run.Addresses)}").ConfigureAwait(false);
            return 1;
        }
    }

    /// <summary>
    /// Every setting in force with its source, a line each, secrets masked. The settings are read as for a start, so that a wrong one ends in the
    /// same sentence; nothing is opened.
    /// </summary>
    /// <exception cref="MeteringStartupException">A setting is wrong; the message names it, its value and what is allowed.</exception>
    internal IEnumerable<string> DescribeConfiguration(WebApplicationBuilder builder, ProgramArguments arguments)
    {
        var configuration = builder.Configuration;
        SetDefaults(configuration);
        var log = new SettingLog(configuration, arguments.FlagOf);
        foreach (var name in Addresses.Concat(OtherSettings))
        {
            if (configuration[name] is { } value)
            {
                log.Note(name, value);
            }
        }

        foreach (var (path, value) in configuration.GetSection(Endpoints).AsEnumerable().Where(setting => setting.Value is not null))
        {
            log.Note(path, value);
        }

        if (!IsAddressConfigured(configuration))
        {
            log.Note(Addresses[0], DefaultUrl);
        }

        Register(builder, new LoggedSection(configuration.GetSection("Metering"), log), null);
        return log.Lines;
    }

    /// <summary>Adds the meter, the gateway and what is this program's own: every setting is read here.</summary>
    private void Register(WebApplicationBuilder builder, IConfigurationSection section, Action<LedgerMigrationProgress>? migrating)
    {
        builder.Services.AddCreditMetering(options =>
        {
            options.ReadConfiguration(section, migrating, Settings);
            ConfigureMeter?.Invoke(options, section);
        });
        builder.Services.AddMeteringGateway(section);
        builder.Services.AddSingleton<DemoAccount>();
        AddServices?.Invoke(builder.Services);
    }

    /// <summary>Sets what every other source of configuration wins over.</summary>
    internal void SetDefaults(IConfigurationBuilder configuration) => configuration.Sources.Insert(0, new MemoryConfigurationSource
    {
        InitialData = new Dictionary<string, string?> { ["Metering:Data"] = DefaultData },
    });

    private static bool IsAddressConfigured(ConfigurationManager configuration) =>
        Addresses.Any(name => configuration[name] is not null) || configuration.GetSection(Endpoints).Exists();

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
        return string.Join(' ', sentence.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }
}

/// <summary>One run of a <see cref="MeteringProgram"/>.</summary>
internal sealed class MeteringProgramRun(MeteringProgram program, TextWriter output)
{
    private readonly MigrationProgressLine migration = new(output, isTerminal: output == Console.Out && !Console.IsOutputRedirected);
    private volatile bool isRunning;

    /// <summary>True from the moment the start has succeeded.</summary>
    public bool IsRunning => isRunning;

    /// <summary>Where it is to listen; null before the configuration is read.</summary>
    public string? Addresses { get; private set; }

    public async Task<int> RunAsync(ProgramArguments arguments)
    {
        if (arguments.WantsHelp)
        {
            await output.WriteLineAsync(ProgramArguments.HelpOf(program)).ConfigureAwait(false);
            return 0;
        }

        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(arguments.Settings);
        if (arguments.WantsConfiguration)
        {
            foreach (var line in program.DescribeConfiguration(builder, arguments))
            {
                await output.WriteLineAsync(line).ConfigureAwait(false);
            }

            return 0;
        }

        if (arguments.WantsVerification)
        {
            program.SetDefaults(builder.Configuration);
            return await LedgerVerification.RunAsync(builder.Configuration.GetSection("Metering"), output, Migrating).ConfigureAwait(false);
        }

        SetLogging(builder.Logging);
        var app = program.Build(builder, Migrating);
        Addresses = builder.Configuration["urls"] ?? "the configured addresses";
        await using (app.ConfigureAwait(false))
        {
            await app.StartAsync().ConfigureAwait(false);
            await GreetAsync(app, arguments).ConfigureAwait(false);
            isRunning = true;
            await app.WaitForShutdownAsync().ConfigureAwait(false);
        }

        return Environment.ExitCode; // The engine sets it where the ledger failed for good.
    }

    private void Migrating(LedgerMigrationProgress progress) => migration.Report(progress);

    private void SetLogging(ILoggingBuilder logging)
    {
        logging.SetMinimumLevel(LogLevel.Warning);
        foreach (var category in (ReadOnlySpan<string>)["Microsoft.Extensions.Hosting", "Microsoft.AspNetCore.Server.Kestrel"])
        {
            // A start that fails is told in one sentence; these categories would print its stack trace as well.
            logging.AddFilter(category, level => isRunning && level >= LogLevel.Warning);
        }

        // Every fault of a request is told by the gateway, under its request id. Where this category is on, the host makes a trace activity
        // and a logging scope for each request that nobody reads (0.9 KB of 1.0 that an empty endpoint took); a listener to traces gets them all the same.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
    }

    /// <summary>Says where the program listens and how to call it. Only now: a key that a failed start printed would be lost.</summary>
    private async Task GreetAsync(WebApplication app, ProgramArguments arguments)
    {
        var (exists, key) = await app.Services.GetRequiredService<DemoAccount>()
            .EnsureAsync(arguments.WantsNewDemoKey, app.Lifetime.ApplicationStopping).ConfigureAwait(false);
        await output.WriteLineAsync($"{program.Name} listens on {string.Join(", ", app.Urls)}").ConfigureAwait(false);
        await output.WriteLineAsync(PaymentNotice.Of(app.Services)).ConfigureAwait(false);
        if (arguments.WantsNewAdminKey)
        {
            await PrintAdminKeyAsync(app).ConfigureAwait(false);
        }

        if (key is not null)
        {
            await output.WriteLineAsync($"""

                The demo account's key, shown only now: {key}

                {program.Introduce(key, ReachableUrl(app.Urls.First()))}

                """).ConfigureAwait(false);
        }
        else if (exists)
        {
            await output.WriteLineAsync("The demo account's key was shown at the first start; start with --new-demo-key to get another.").ConfigureAwait(false);
        }

        await output.FlushAsync().ConfigureAwait(false);
    }

    private async Task PrintAdminKeyAsync(WebApplication app)
    {
        var key = await app.Services.GetRequiredService<OperatorKeys>().MakeAsync(app.Lifetime.ApplicationStopping).ConfigureAwait(false);
        await output.WriteLineAsync($"A key for /admin/v1, shown only now: {key}").ConfigureAwait(false);
    }

    /// <summary>An address that a client on this machine can call, also where the program listens on every interface.</summary>
    private static string ReachableUrl(string url) =>
        url.Replace("//[::]", "//127.0.0.1", StringComparison.Ordinal)
            .Replace("//0.0.0.0", "//127.0.0.1", StringComparison.Ordinal)
            .Replace("//+", "//127.0.0.1", StringComparison.Ordinal)
            .Replace("//*", "//127.0.0.1", StringComparison.Ordinal)
            .TrimEnd('/');
}
