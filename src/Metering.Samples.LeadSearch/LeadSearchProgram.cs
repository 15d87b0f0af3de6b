using Metering.Gateway;
using Metering.Samples.LeadSearch.Companies;
using Metering.Samples.LeadSearch.Routes;

namespace Metering.Samples.LeadSearch;

/// <summary>
/// The service: its own routes beside the meter's, in one process. All that it does for its meter is to put routes behind keys
/// (<c>RequireMeteringKey</c>) and to charge before it answers (<see cref="ICreditMeter"/>).
/// </summary>
public static class LeadSearchProgram
{
    /// <summary>Describes the program; nothing is read or opened yet.</summary>
    public static MeteringProgram Create() => new()
    {
        Name = "Lead search",
        Purpose = "A search over real companies that charges credits, with the meter in its own process.",
        Project = "src/Metering.Samples.LeadSearch",
        DefaultUrl = "http://127.0.0.1:5090",
        DefaultData = "leadsearch-data",
        AddServices = services => services.AddSingleton(CompanyFile.Read(Path.Combine(AppContext.BaseDirectory, "Data"))),
        MapRoutes = app =>
        {
            Products.Check(app.Services.GetRequiredService<Catalogue>());
            app.MapSearch();
            app.MapCompanies();
            app.MapLists();
            app.MapPage();
        },
        Introduce = (key, url) => $"""
            Search from a page:
            {url}/#key={key}

            Or by hand:
            curl -H "X-API-Key: {key}" "{url}/leads/search?category=restaurant&country=US&limit=97"
            curl -H "X-API-Key: {key}" {url}/companies/Q17032457
            curl -H "X-API-Key: {key}" {url}/api/v1/credits/balance
            """,
    };
}
