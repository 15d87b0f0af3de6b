using Metering.Engine;
using Metering.Gateway;
using Metering.Samples.LeadSearch.Companies;
using Metering.Samples.LeadSearch.Routes;
using Microsoft.Extensions.Configuration.Memory;

namespace Metering.Samples.LeadSearch;

/// <summary>
/// The service: its own routes beside the meter's, in one process. What a service of one's own has to do to charge credits is all
/// here: add the meter, add the gateway, and put routes behind keys.
/// </summary>
public static class LeadSearchApp
{
    /// <summary>Where it listens when nothing else is configured.</summary>
    public const string DefaultUrl = "http://127.0.0.1:5090";

    /// <summary>Where it keeps its files when nothing else is configured.</summary>
    public const string DefaultData = "leadsearch-data";

    /// <summary>Makes the service, not yet started.</summary>
    /// <param name="args">Settings as flags, such as <c>--urls</c> and <c>--Metering:Data</c>.</param>
    /// <param name="configure">Changes the builder before the service is built, as tests do; null for none.</param>
    /// <exception cref="MeteringStartupException">A setting is wrong.</exception>
    /// <exception cref="DataFileException">A file of the company catalogue cannot be used.</exception>
    public static WebApplication Build(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource
        {
            InitialData = new Dictionary<string, string?> { ["Metering:Data"] = DefaultData },
        });
        if (string.IsNullOrEmpty(builder.Configuration["urls"]) && !builder.Configuration.GetSection("Kestrel:Endpoints").Exists())
        {
            builder.WebHost.UseUrls(DefaultUrl);
        }

        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        configure?.Invoke(builder);

        var catalogue = CompanyFile.Read(Path.Combine(AppContext.BaseDirectory, "Data"));
        var metering = builder.Configuration.GetSection("Metering");
        builder.Services.AddSingleton(catalogue);
        builder.Services.AddCreditMetering(options =>
        {
            options.ReadConfiguration(metering);
            Products.Check(options.Catalogue);
        });
        builder.Services.AddMeteringGateway(metering);

        var app = builder.Build();
        app.UseMeteringGateway();
        app.MapMetering();
        app.MapSearch();
        app.MapCompanies();
        app.MapLists();
        app.MapPage();
        return app;
    }
}
